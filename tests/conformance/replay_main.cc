// replay: runs programs of the conformance format on the library, under a
// virtual clock, and prints their traces. README.md describes both.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gflags/gflags.h"
#include "tests/conformance/replay.h"

DEFINE_bool(hops, false, "Add \"it\", the number of the loop iteration.");
DEFINE_string(batch, "",
              "Write the trace of each program to <its base name>.jsonl in "
              "this folder instead of standard output.");

namespace ratchet::conformance {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "dir/name.json" -> "name"
std::string base_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

// The exit status for one program.
int replay_file(const std::string& path) {
  const std::optional<std::string> text = read_file(path);
  if (!text.has_value()) {
    std::cerr << path << ": cannot be read\n";
    return 2;
  }
  const absl::StatusOr<std::vector<std::string>> lines =
      replay(*text, FLAGS_hops);
  if (!lines.ok()) {
    std::cerr << path << ": bad program: " << lines.status().message() << '\n';
    return 2;
  }
  const std::string trace = absl::StrCat(absl::StrJoin(*lines, "\n"), "\n");
  if (FLAGS_batch.empty()) {
    std::cout << trace;
    return 0;
  }
  const std::string out = FLAGS_batch + "/" + base_name(path) + ".jsonl";
  if (!(std::ofstream(out, std::ios::binary) << trace).flush()) {
    std::cerr << out << ": cannot be written\n";
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace ratchet::conformance

int main(int argc, char** argv) {
  gflags::SetUsageMessage(
      "runs programs and prints their traces\n"
      "  replay [--hops] PROGRAM.json...\n"
      "  replay [--hops] --batch OUTDIR PROGRAM.json...\n"
      "Exit status 2 when a program is none.");
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  if (argc < 2) {
    std::cerr << "replay: no program given; --help tells how\n";
    return 2;
  }
  int status = 0;
  for (int i = 1; i < argc; ++i) {
    status = std::max(status, ratchet::conformance::replay_file(argv[i]));
  }
  std::cout.flush();
  return status;
}
