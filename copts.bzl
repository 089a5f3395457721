"""The compiler flags of ratchet's own targets.

Every cc_library of the library has `copts = RATCHET_COPTS`, everything in tests
and demos `copts = RATCHET_TEST_COPTS`. They hold warnings alone, as errors, and
only under --define=ratchet_warnings=error, which this repository's .bazelrc
sets: a build that depends on ratchet sees neither the warnings nor -Werror.
Whatever changes code (the standard, exceptions, sanitizers) is for .bazelrc: it
has to be the same for every target of a program.
"""

_WARNINGS = [
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wconversion",
    "-Wnon-virtual-dtor",
    "-Werror",
]

_CLANG_WARNINGS = _WARNINGS + [
    "-Wextra-semi",
    "-Wimplicit-fallthrough",
    "-Wthread-safety",
]

_C_WARNINGS = [warning for warning in _WARNINGS if warning != "-Wnon-virtual-dtor"]

RATCHET_COPTS = select({
    "//:warnings_are_errors_clang": _CLANG_WARNINGS,
    "//:warnings_are_errors": _WARNINGS,
    "//conditions:default": [],
})

RATCHET_TEST_COPTS = RATCHET_COPTS

# For a test program in C.
RATCHET_TEST_C_COPTS = select({
    "//:warnings_are_errors_clang": _C_WARNINGS,
    "//:warnings_are_errors": _C_WARNINGS,
    "//conditions:default": [],
})

# For a fuzz target: libFuzzer's main() under --config=fuzz. Elsewhere it brings
# its own, so that it is a test that runs on a few fixed inputs.
RATCHET_FUZZ_LINKOPTS = select({
    "//:fuzzing": ["-fsanitize=fuzzer"],
    "//conditions:default": [],
})
