#include "tests/support/runtime/test_files.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

void MakeCertificates(const std::string& flags, const std::string& folder) {
  const std::string command = absl::StrCat(HEKLA_SOURCE_DIR, "/deploy/tls/make-test-ca ", flags, " ", folder);
  HEKLA_CHECK(std::system(command.c_str()) == 0, command.c_str());
}

}  // namespace

TestFolder::TestFolder() {
  static std::atomic<int> count = 0;
  path_ = std::filesystem::temp_directory_path() / absl::StrCat("hekla-test-", getpid(), "-", count++);
  std::filesystem::create_directories(path_);
}

TestFolder::~TestFolder() { std::filesystem::remove_all(path_); }

std::string TestFolder::Write(const std::string& name, const std::string& content) const {
  std::ofstream(path_ / "new") << content;
  std::filesystem::rename(path_ / "new", path_ / name);
  return Path(name);
}

std::string TestFolder::Read(const std::string& name) const {
  std::ifstream file(path_ / name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TestCa::TestCa() { MakeCertificates("", Path("")); }

void TestCa::Renew(int days) const { MakeCertificates(absl::StrCat("--renew --days ", days), Path("")); }

void TestCa::Take(const TestCa& other, const std::string& name) const {
  Write(absl::StrCat(name, ".key"), other.Read(absl::StrCat(name, ".key")));
  Write(absl::StrCat(name, ".pem"), other.Read(absl::StrCat(name, ".pem")));
}

bool Eventually(const std::function<bool()>& condition) {
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace hekla::service
