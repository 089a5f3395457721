"""What a Bazel without a version number needs in order to work offline.

Distributions build Bazel from source, and theirs has no version (Debian's
bazel-bootstrap). Its built-in WORKSPACE fetches rules_cc, rules_java and
remote_coverage_tools from the net even for a plain cc_test; for C++ alone the
little in shims/ is enough, and the distribution's own rules_java.
"""

load(":system_or_archive.bzl", "system_or_archive")

def _shim_impl(ctx):
    for label, path in ctx.attr.files.items():
        ctx.symlink(label, path)
    ctx.file(
        "WORKSPACE",
        "workspace(name = %s)\n" % repr(ctx.name),
        executable = False,
    )

_shim = repository_rule(
    implementation = _shim_impl,
    attrs = {
        "files": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "File -> its path in the repository.",
        ),
    },
    doc = "A repository made of files of this one.",
)

def shims(missing):
    """Defines the repositories that a versionless Bazel lacks.

    Args:
      missing: function from a repository's name to whether nobody defined it.
    """
    if missing("rules_cc"):
        _shim(
            name = "rules_cc",
            files = {
                Label("//third_party/shims:rules_cc.BUILD"): "cc/BUILD.bazel",
                Label("//third_party/shims:rules_cc_defs.bzl"): "cc/defs.bzl",
            },
        )
    if missing("rules_java"):
        system_or_archive(
            name = "rules_java",
            debian = "bazel-rules-java",
            sha256 = "bc81f1ba47ef5cc68ad32225c3d0e70b8c6f6077663835438da8d5733f917598",
            source = "/usr/share/bazel/rules/java",
            strip_prefix = "rules_java-7cf3cefd652008d0a64a419c34c13bdca6c8f178",
            urls = ["https://github.com/bazelbuild/rules_java/archive/7cf3cefd652008d0a64a419c34c13bdca6c8f178.zip"],
        )
    if missing("remote_coverage_tools"):
        _shim(
            name = "remote_coverage_tools",
            files = {
                Label("//third_party/shims:remote_coverage_tools.BUILD"): "BUILD.bazel",
            },
        )
