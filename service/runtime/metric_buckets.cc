// Bucket bounds, fine where fast models live: a 2 ms step and a 4 ms step must not share a bucket.
#include "service/runtime/metrics.h"

namespace hekla::service {

const std::vector<double>& TokenLatencyBuckets() {
  static const auto* bounds =
      new std::vector<double>{.0005, .001, .002, .003, .004, .005, .0075, .01, .015, .02, .025, .03,
                              .04,   .05,  .075, .1,   .15,  .2,   .3,    .5,  1,    2.5, 5,    10};
  return *bounds;
}

const std::vector<double>& FirstTokenBuckets() {
  static const auto* bounds = new std::vector<double>{.002, .005, .01, .02, .04, .06, .08, .1, .15, .25, .5,
                                                      .75,  1,    2.5, 5,   7.5, 10,  20,  40, 80,  160};
  return *bounds;
}

const std::vector<double>& DurationBuckets() {
  static const auto* bounds =
      new std::vector<double>{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1800};
  return *bounds;
}

const std::vector<double>& QueueBuckets() {
  static const auto* bounds =
      new std::vector<double>{0, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60};
  return *bounds;
}

const std::vector<double>& ReactionBuckets() {
  static const auto* bounds = new std::vector<double>{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5};
  return *bounds;
}

const std::vector<double>& OverheadBuckets() {
  static const auto* bounds =
      new std::vector<double>{.00005, .0001, .0002, .0003, .0005, .001, .002, .005, .01, .025, .05, .1};
  return *bounds;
}

const std::vector<double>& TokenCountBuckets() {
  static const auto* bounds = new std::vector<double>{1,    4,    16,   32,   64,    128,   256,   512,
                                                      1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072};
  return *bounds;
}

}  // namespace hekla::service
