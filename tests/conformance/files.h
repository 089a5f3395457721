#ifndef RATCHET_TESTS_CONFORMANCE_FILES_H_
#define RATCHET_TESTS_CONFORMANCE_FILES_H_

#include <string>
#include <vector>

namespace ratchet::conformance {

// Where Bazel puts `path`, which is relative to the workspace, for a test.
std::string runfile(const std::string& path);

// The contents of a file; the process ends with a sentence if it cannot be
// read: the test was built without its data.
std::string read_file(const std::string& path);
std::vector<std::string> read_lines(const std::string& path);

// The names of the programs NAME.json in a folder of the workspace, sorted.
std::vector<std::string> names_in(const std::string& path);

// Those written by hand: programs/NAME.json and the trace that CPython printed,
// programs/NAME.jsonl.
std::vector<std::string> program_names();
std::string program_path(const std::string& name, const std::string& suffix);

}  // namespace ratchet::conformance

#endif  // RATCHET_TESTS_CONFORMANCE_FILES_H_
