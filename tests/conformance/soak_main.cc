// Starts asyncio/soak.py, which runs random programs on asyncio and on ratchet:
// so that `bazel run` builds replay for it, and finds it.

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr char kScript[] = "tests/conformance/asyncio/soak.py";

bool exists(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

// Where Bazel has put it, or "": `bazel run` starts programs there.
std::string script(const std::string& program) {
  for (const std::string& root :
       {program + ".runfiles/ratchet/", program + ".runfiles/_main/",
        std::string()}) {
    if (exists(root + kScript)) return root + kScript;
  }
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  std::string path = script(argv[0]);
  if (path.empty()) {
    std::cerr << "soak: " << kScript
              << " is missing: start me with `bazel run "
                 "//tests/conformance:soak`\n";
    return 2;
  }
  std::string python = "python3";
  std::vector<char*> arguments = {python.data(), path.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  arguments.push_back(nullptr);
  execvp(python.c_str(), arguments.data());
  std::cerr << "soak: python3 does not start: " << std::strerror(errno)
            << "; asyncio is Python's: install CPython 3.13\n";
  return 2;
}
