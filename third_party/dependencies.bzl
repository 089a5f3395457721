"""The repositories that ratchet needs.

    load("@ratchet//third_party:dependencies.bzl", "ratchet_dependencies")

    ratchet_dependencies()

Each is defined only if the WORKSPACE has not defined it before: a parent's own
Abseil, GoogleTest and so on are used instead, and defining one after the call
comes too late. Each is found as system_or_archive.bzl says, and fetched only
once a target needs it: the library wants Abseil alone, and //:curl libcurl.
"""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load(":abseil_targets.bzl", "ABSEIL_TARGETS")
load(":shims.bzl", "shims")
load(":system_or_archive.bzl", "system_or_archive")

def _missing(name):
    return not native.existing_rule(name)

def _dependency(name, **kwargs):
    if _missing(name):
        system_or_archive(
            name = name,
            archives = bool(native.bazel_version),
            **kwargs
        )

def ratchet_dependencies():
    """Defines those of ratchet's repositories that nobody has defined yet."""
    _dependency(
        name = "com_google_absl",
        debian = "libabsl-dev pkg-config",
        requires = "absl_any_invocable >= 20220623",
        sha256 = "91ac87d30cc6d79f9ab974c51874a704de9c2647c40f6932597329a282217ba8",
        strip_prefix = "abseil-cpp-20220623.1",
        targets = ABSEIL_TARGETS,
        # The count of a status that threads share.
        tsan_suppressions = ["race:absl::*::Status::Unref"],
        urls = ["https://github.com/abseil/abseil-cpp/archive/refs/tags/20220623.1.tar.gz"],
    )

    # //:curl. No archive: it is built by configure, against the system's TLS.
    _dependency(
        name = "com_github_curl_curl",
        debian = "libcurl4-openssl-dev pkg-config",
        header = "curl/curl.h",
        requires = "libcurl >= 7.87",
        targets = {":curl": ["libcurl"]},
    )

    # Tests.
    _dependency(
        name = "com_google_googletest",
        debian = "googletest",
        sha256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
        source = "/usr/src/googletest",
        strip_prefix = "googletest-release-1.12.1",
        system_build_file = Label("//third_party:googletest.BUILD"),
        urls = ["https://github.com/google/googletest/archive/refs/tags/release-1.12.1.tar.gz"],
    )
    _dependency(
        name = "com_github_nlohmann_json",
        debian = "nlohmann-json3-dev pkg-config",
        requires = "nlohmann_json >= 3.9",
        sha256 = "0d8ef5af7f9794e3263480193c491549b2ba6cc74bb018906202ada498a79406",
        strip_prefix = "json-3.11.3",
        targets = {":json": ["nlohmann_json"]},
        urls = ["https://github.com/nlohmann/json/archive/refs/tags/v3.11.3.tar.gz"],
    )

    # The local servers of demos and tests.
    _dependency(
        name = "org_gnu_libmicrohttpd",
        debian = "libmicrohttpd-dev pkg-config",
        header = "microhttpd.h",
        requires = "libmicrohttpd >= 0.9.70",
        targets = {":microhttpd": ["libmicrohttpd"]},
    )

    # Demos and tools.
    _dependency(
        name = "com_github_gflags_gflags",
        debian = "libgflags-dev pkg-config",
        requires = "gflags >= 2.2",
        sha256 = "34af2f15cf7367513b352bdcd2493ab14ce43692d2dcd9dfc499492966c64dcf",
        strip_prefix = "gflags-2.2.2",
        targets = {":gflags": ["gflags"]},
        urls = ["https://github.com/gflags/gflags/archive/refs/tags/v2.2.2.tar.gz"],
    )

    # Bazel's own. A release says its version and fetches what it needs.
    if not native.bazel_version:
        shims(_missing)
    if _missing("rules_cc"):
        http_archive(
            name = "rules_cc",
            sha256 = "2037875b9a4456dce4a79d112a8ae885bbc4aad968e6587dca6e64f3a0900cdf",
            strip_prefix = "rules_cc-0.0.9",
            urls = ["https://github.com/bazelbuild/rules_cc/releases/download/0.0.9/rules_cc-0.0.9.tar.gz"],
        )

    # What the archives above load.
    if _missing("bazel_skylib"):
        http_archive(
            name = "bazel_skylib",
            sha256 = "74d544d96f4a5bb630d465ca8bbcfe231e3594e5aae57e1edbf17a6eb3ca2506",
            urls = [
                "https://mirror.bazel.build/github.com/bazelbuild/bazel-skylib/releases/download/1.3.0/bazel-skylib-1.3.0.tar.gz",
                "https://github.com/bazelbuild/bazel-skylib/releases/download/1.3.0/bazel-skylib-1.3.0.tar.gz",
            ],
        )
