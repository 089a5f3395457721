#include "demos/flags.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gflags/gflags.h"
#include "gflags/gflags_declare.h"

DECLARE_bool(help);
DECLARE_bool(helpshort);

namespace demo {
namespace {

void print_help(const char* usage) {
  std::cout << gflags::ProgramInvocationShortName() << ": " << usage << "\n\n";
  std::vector<gflags::CommandLineFlagInfo> flags;
  gflags::GetAllFlags(&flags);  // In the order of files and names.
  for (const gflags::CommandLineFlagInfo& flag : flags) {
    if (!absl::StrContains(flag.filename, "demos/")) continue;
    const bool is_text = flag.type == "string";
    std::cout << "  --" << flag.name << '=' << (is_text ? "\"" : "")
              << flag.default_value << (is_text ? "\"" : "") << "\n      "
              << flag.description << '\n';
  }
}

}  // namespace

void parse_flags(const char* usage, int* argc, char*** argv) {
  gflags::SetUsageMessage(usage);
  gflags::ParseCommandLineNonHelpFlags(argc, argv, /*remove_flags=*/true);
  if (FLAGS_help || FLAGS_helpshort) {
    print_help(usage);
    std::exit(0);
  }
  gflags::HandleCommandLineHelpFlags();
}

void parse_only_flags(const char* usage, int argc, char** argv) {
  parse_flags(usage, &argc, &argv);
  if (argc == 1) return;
  const char* const name = gflags::ProgramInvocationShortName();
  std::cerr << name << ": what is " << argv[1] << "? See " << name
            << " --help\n";
  std::exit(2);
}

}  // namespace demo
