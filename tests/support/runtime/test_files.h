// Files of one test: a folder that goes with it, and certificates in it.
#ifndef HEKLA_TESTS_SUPPORT_RUNTIME_TEST_FILES_H_
#define HEKLA_TESTS_SUPPORT_RUNTIME_TEST_FILES_H_

#include <filesystem>
#include <functional>
#include <string>

namespace hekla::service {

class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ / name; }
  // Puts a file there, whole, in place of one that is there. Returns its path.
  std::string Write(const std::string& name, const std::string& content) const;
  std::string Read(const std::string& name) const;

 private:
  std::filesystem::path path_;
};

// A CA and what it signs, made by deploy/tls/make-test-ca: Path("router.pem"), Path("router.key"), ...
class TestCa : public TestFolder {
 public:
  TestCa();
  // New certificates of the same CA. `days` below 0: they have ended.
  void Renew(int days = 30) const;
  // Puts `other`'s NAME.pem and NAME.key in place of these.
  void Take(const TestCa& other, const std::string& name) const;
};

// Polls for what has no event to wait for; false after 20 s.
bool Eventually(const std::function<bool()>& condition);

}  // namespace hekla::service

#endif  // HEKLA_TESTS_SUPPORT_RUNTIME_TEST_FILES_H_
