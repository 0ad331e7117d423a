#include "worker/engine/mailbox.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hekla::engine {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Submission With(uint64_t id) {
  Submission submission;
  submission.request.id = id;
  return submission;
}

TEST(Mailbox, HoldsNoMoreThanItsCapacity) {
  Mailbox mailbox(2);
  Submission first = With(1), second = With(2), third = With(3);
  EXPECT_TRUE(mailbox.Put(&first));
  EXPECT_TRUE(mailbox.Put(&second));
  EXPECT_FALSE(mailbox.Put(&third));
  EXPECT_EQ(third.request.id, 3u);
  Mail mail;
  mailbox.Take(&mail);
  ASSERT_EQ(mail.submissions.size(), 2u);
  EXPECT_EQ(mail.submissions[0].request.id, 1u);
  EXPECT_EQ(mail.submissions[1].request.id, 2u);
  EXPECT_TRUE(mailbox.Put(&third));
}

TEST(Mailbox, CountsARepeatedCancelOnce) {
  Mailbox mailbox(1);
  for (uint64_t id : {4, 5, 4, 4}) mailbox.PutCancel(id);
  Mail mail;
  mailbox.Take(&mail);
  EXPECT_THAT(mail.cancels, UnorderedElementsAre(4, 5));
  mailbox.Take(&mail);
  EXPECT_THAT(mail.cancels, IsEmpty());
  EXPECT_FALSE(mail.closed);
}

TEST(Mailbox, TheLastWordOnParkingCounts) {
  Mailbox mailbox(1);
  mailbox.PutParked(4, true);
  mailbox.PutParked(5, true);
  mailbox.PutParked(4, false);
  mailbox.Wait();  // returns at once
  Mail mail;
  mailbox.Take(&mail);
  EXPECT_THAT(mail.parks, UnorderedElementsAre(Pair(4, false), Pair(5, true)));
  mailbox.Take(&mail);
  EXPECT_THAT(mail.parks, IsEmpty());
}

TEST(Mailbox, WaitsNoLongerThanTheLimit) {
  Mailbox mailbox(1);
  mailbox.Wait(absl::Milliseconds(1));  // nobody writes
  Mail mail;
  mailbox.Take(&mail);
  EXPECT_THAT(mail.parks, IsEmpty());
}

TEST(Mailbox, TakesNothingAfterItIsClosedButKeepsWhatItHas) {
  Mailbox mailbox(2);
  Submission first = With(1), second = With(2);
  EXPECT_TRUE(mailbox.Put(&first));
  mailbox.Close();
  EXPECT_FALSE(mailbox.Put(&second));
  mailbox.PutCancel(1);
  mailbox.Wait();  // returns at once
  Mail mail;
  mailbox.Take(&mail);
  EXPECT_TRUE(mail.closed);
  EXPECT_EQ(mail.submissions.size(), 1u);
  EXPECT_THAT(mail.cancels, IsEmpty());
}

TEST(Mailbox, WakesItsReader) {
  Mailbox mailbox(1);
  constexpr int kRounds = 200;
  std::thread writer([&mailbox] {
    for (int id = 1; id <= kRounds;) {
      Submission submission = With(id);
      if (mailbox.Put(&submission)) {
        ++id;
      } else {
        std::this_thread::yield();
      }
    }
  });
  Mail mail;
  std::vector<uint64_t> ids;
  while (ids.size() < kRounds) {
    mailbox.Wait();
    mailbox.Take(&mail);
    for (const Submission& submission : mail.submissions) ids.push_back(submission.request.id);
  }
  writer.join();
  for (int i = 0; i < kRounds; ++i) EXPECT_EQ(ids[i], static_cast<uint64_t>(i + 1));
}

}  // namespace
}  // namespace hekla::engine
