"""What a Bazel without a version number needs in order to work offline.

Distributions build Bazel from source, and theirs has no version (Debian's
bazel-bootstrap). Its built-in WORKSPACE fetches rules_cc, rules_java and
remote_coverage_tools from the net even for a plain cc_test; for C++ alone the
little in shims/ is enough.
"""

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
        _shim(
            name = "rules_java",
            files = {
                Label("//third_party/shims:rules_java.BUILD"): "java/BUILD.bazel",
                Label("//third_party/shims:rules_java_defs.bzl"): "java/defs.bzl",
            },
        )
    if missing("remote_coverage_tools"):
        _shim(
            name = "remote_coverage_tools",
            files = {
                Label("//third_party/shims:remote_coverage_tools.BUILD"): "BUILD.bazel",
            },
        )
