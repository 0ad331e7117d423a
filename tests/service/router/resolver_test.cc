#include "service/router/resolver.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hekla::service {
namespace {

using Addresses = std::vector<std::string>;

TEST(ResolverTest, AddressesAreThemselves) {
  EXPECT_EQ(*ResolveBySystem("127.0.0.1:80"), (Addresses{"127.0.0.1:80"}));
  EXPECT_EQ(*ResolveBySystem("[::1]:80"), (Addresses{"[::1]:80"}));
}

TEST(ResolverTest, NamesHaveAddresses) {
  const auto found = ResolveBySystem("localhost:8093");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_NE(std::find(found->begin(), found->end(), "127.0.0.1:8093"), found->end());
}

TEST(ResolverTest, Errors) {
  EXPECT_TRUE(absl::IsInvalidArgument(ResolveBySystem("nothing").status()));
  const absl::Status unknown = ResolveBySystem("no-such-host.invalid:80").status();
  EXPECT_TRUE(absl::IsUnavailable(unknown)) << unknown;
  EXPECT_NE(unknown.message().find("no-such-host.invalid"), absl::string_view::npos);
}

}  // namespace
}  // namespace hekla::service
