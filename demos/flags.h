#ifndef DEMOS_FLAGS_H_
#define DEMOS_FLAGS_H_

// What --help of every demo has in common.

namespace demo {

// Parses the flags, and leaves in `argv` what is none. --help prints `usage`
// and the flags of the demo, without those of gflags (--helpfull has them), and
// ends the program with 0; a flag that is not known ends it with 1.
void parse_flags(const char* usage, int* argc, char*** argv);

// The same where nothing but flags is expected: anything else ends it with 2.
void parse_only_flags(const char* usage, int argc, char** argv);

}  // namespace demo

#endif  // DEMOS_FLAGS_H_
