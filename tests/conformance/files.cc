#include "tests/conformance/files.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace ratchet::conformance {
namespace {

constexpr char kPrograms[] = "tests/conformance/programs";

[[noreturn]] void missing(const std::string& path) {
  std::fprintf(stderr, "%s: cannot be read; is it in the data of the test?\n",
               path.c_str());
  std::exit(1);
}

}  // namespace

std::string runfile(const std::string& path) {
  const char* const root = std::getenv("TEST_SRCDIR");
  const char* const workspace = std::getenv("TEST_WORKSPACE");
  if (root == nullptr || workspace == nullptr) return path;
  return absl::StrCat(root, "/", workspace, "/", path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) missing(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> read_lines(const std::string& path) {
  return absl::StrSplit(read_file(path), '\n', absl::SkipEmpty());
}

std::vector<std::string> names_in(const std::string& path) {
  const std::string folder = runfile(path);
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".json") {
      names.push_back(entry.path().stem().string());
    }
  }
  if (names.empty()) missing(folder);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> program_names() { return names_in(kPrograms); }

std::string program_path(const std::string& name, const std::string& suffix) {
  return runfile(absl::StrCat(kPrograms, "/", name, suffix));
}

}  // namespace ratchet::conformance
