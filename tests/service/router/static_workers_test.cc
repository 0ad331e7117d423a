#include "service/router/static_workers.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/synchronization/mutex.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {
namespace {

// A name service whose answers the test sets.
class Names {
 public:
  void Set(absl::StatusOr<std::vector<std::string>> answer) {
    absl::MutexLock lock(&mutex_);
    answer_ = std::move(answer);
  }
  absl::StatusOr<std::vector<std::string>> Ask() {
    absl::MutexLock lock(&mutex_);
    ++asked_;
    return answer_;
  }
  int asked() {
    absl::MutexLock lock(&mutex_);
    return asked_;
  }

 private:
  absl::Mutex mutex_;
  absl::StatusOr<std::vector<std::string>> answer_ ABSL_GUARDED_BY(mutex_) = std::vector<std::string>();
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
};

class StaticWorkersTest : public testing::Test {
 protected:
  StaticWorkers::Options MakeOptions() {
    return {.resolve = [this](const std::string&) { return names_.Ask(); },
            .resolve_interval = absl::Milliseconds(10)};
  }
  bool AwaitMembers(const std::set<std::string>& ids) {
    return Eventually([&] {
      std::set<std::string> there;
      for (const auto& worker : registry_.All()) there.insert(worker->id());
      return there == ids;
    });
  }
  // Until names that were set have been asked for and acted on.
  void AwaitLooks() {
    const int before = names_.asked();
    EXPECT_TRUE(Eventually([&] { return names_.asked() >= before + 2; }));
  }

  Names names_;
  WorkerRegistry registry_{[] {}};
  FakeWorker a_{FakeWorkerOptions{}}, b_{FakeWorkerOptions{}};
};

TEST_F(StaticWorkersTest, EveryAddressOfANameIsAWorker) {
  names_.Set(std::vector<std::string>{a_.address(), b_.address()});
  const StaticWorkers workers({"workers.example:1"}, MakeOptions(), &registry_);
  EXPECT_TRUE(AwaitMembers({a_.address(), b_.address()}));
}

TEST_F(StaticWorkersTest, NewAddressesJoin) {
  names_.Set(std::vector<std::string>{a_.address()});
  const StaticWorkers workers({"workers.example:1"}, MakeOptions(), &registry_);
  EXPECT_TRUE(AwaitMembers({a_.address()}));
  names_.Set(std::vector<std::string>{a_.address(), b_.address()});
  EXPECT_TRUE(AwaitMembers({a_.address(), b_.address()}));
}

TEST_F(StaticWorkersTest, AnAddressThatIsGoneStaysUntilItsWorkerIs) {
  names_.Set(std::vector<std::string>{a_.address(), b_.address()});
  const StaticWorkers workers({"workers.example:1"}, MakeOptions(), &registry_);
  ASSERT_TRUE(AwaitMembers({a_.address(), b_.address()}));
  names_.Set(std::vector<std::string>{a_.address()});
  AwaitLooks();
  EXPECT_TRUE(AwaitMembers({a_.address(), b_.address()})) << "it finishes what it has";
  const std::string address = b_.address();
  b_.Kill();
  EXPECT_TRUE(AwaitMembers({a_.address()}));
  AwaitLooks();
  FakeWorkerOptions again;
  again.listen = address;
  const FakeWorker restarted(again);
  AwaitLooks();
  EXPECT_TRUE(AwaitMembers({a_.address()})) << "nobody dials it any more";
}

TEST_F(StaticWorkersTest, TheResolversTroubleIsNotTheWorkers) {
  names_.Set(std::vector<std::string>{a_.address()});
  const StaticWorkers workers({"workers.example:1"}, MakeOptions(), &registry_);
  ASSERT_TRUE(AwaitMembers({a_.address()}));
  names_.Set(absl::UnavailableError("the name service is down"));
  AwaitLooks();
  EXPECT_TRUE(AwaitMembers({a_.address()}));
}

TEST_F(StaticWorkersTest, OtherNamesMayBeSet) {
  names_.Set(std::vector<std::string>{a_.address()});
  StaticWorkers workers({"workers.example:1"}, MakeOptions(), &registry_);
  ASSERT_TRUE(AwaitMembers({a_.address()}));
  names_.Set(std::vector<std::string>{b_.address()});
  workers.SetNames({"others.example:1"});
  EXPECT_TRUE(AwaitMembers({b_.address()}));
  workers.SetNames({});
  EXPECT_TRUE(AwaitMembers({}));
}

}  // namespace
}  // namespace hekla::service
