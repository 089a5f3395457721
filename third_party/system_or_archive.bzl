"""A repository rule which takes a dependency from the system or from the net.

It looks first: if pkg-config knows the dependency (or, for one that is shipped
as source, its folder is there), the repository is made from what is installed;
otherwise the pinned archive is downloaded. A Bazel without a version number
(see shims.bzl) does not go on to the archives: it is older than they are, and
its distribution has the packages. RATCHET_DEPENDENCIES takes the choice away:

    bazel build --repo_env=RATCHET_DEPENDENCIES=archive //...    # or =system

What no archive is pinned of comes from the system in any case.
"""

_HEADER = """\
load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])
"""

# No `hdrs`: the headers are in a folder that the compiler searches by itself,
# which _found() made sure of.
_TARGET = """
cc_library(
    name = {name},
    linkopts = {linkopts},
    deps = {deps},
)
"""

# What is installed was not compiled with -fsanitize=thread, so that the atomic
# operations inside it go unseen, and some accesses look like races.
_TSAN_TARGET = """
cc_library(
    name = "tsan_suppressions",
    srcs = ["tsan_suppressions.cc"],
    alwayslink = True,
)
"""

_TSAN_SOURCE = """\
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER
#endif

#ifdef THREAD_SANITIZER
extern "C" __attribute__((weak)) const char* __tsan_default_suppressions() {{
  return {text};
}}
#endif
"""

def _pkg_config(ctx, *args):
    """Returns the words that pkg-config prints, or None if it fails."""
    tool = ctx.which("pkg-config")
    if not tool:
        return None
    result = ctx.execute([tool] + list(args))
    if result.return_code != 0:
        return None
    return [word for word in result.stdout.strip().split(" ") if word]

def _found(ctx):
    """Whether the system has it, where the compiler finds it by itself."""
    if ctx.attr.source:
        return ctx.path(ctx.attr.source).exists
    if not ctx.attr.requires:
        return False
    folders = _pkg_config(ctx, "--cflags-only-I", ctx.attr.requires)
    if folders and ctx.attr.header:
        # Of what it is built on; or those that are searched anyway.
        return _in_compilers_folders(ctx, ctx.attr.header)
    return folders == []

def _in_compilers_folders(ctx, header):
    """Whether `header` is in /usr/include, or in the machine's folder in there."""
    include = ctx.path("/usr/include")
    folders = [include] + [
        entry
        for entry in include.readdir()
        if "-linux-" in entry.basename
    ]
    return any([ctx.path("%s/%s" % (folder, header)).exists for folder in folders])

def _linkopts(ctx, modules):
    """The linker's flags for `modules`, or None if one is not installed."""
    linkopts = []
    for module in modules:
        if module.startswith("-"):
            linkopts.append(module)
            continue
        flags = _pkg_config(ctx, "--libs", module)
        if flags == None:
            return None
        linkopts += flags
    if not linkopts:
        return []

    # pkg-config names whatever could be needed; a program loads what is.
    return ["-Wl,--push-state,--as-needed"] + linkopts + ["-Wl,--pop-state"]

def _from_system(ctx):
    if ctx.attr.source:
        for entry in ctx.path(ctx.attr.source).readdir():
            ctx.symlink(entry, entry.basename)
    if ctx.attr.system_build_file:
        ctx.symlink(ctx.attr.system_build_file, "BUILD.bazel")

    packages = {}
    deps = []
    if ctx.attr.tsan_suppressions:
        text = repr("".join([line + "\n" for line in ctx.attr.tsan_suppressions]))
        ctx.file("tsan_suppressions.cc", _TSAN_SOURCE.format(text = text), executable = False)
        packages[""] = [_HEADER, _TSAN_TARGET]
        deps = ["//:tsan_suppressions"]
    for label, modules in ctx.attr.targets.items():
        package, name = label.split(":")
        linkopts = _linkopts(ctx, modules)
        if linkopts != None:
            packages.setdefault(package, [_HEADER]).append(
                _TARGET.format(name = repr(name), linkopts = repr(linkopts), deps = repr(deps)),
            )
    for package, texts in packages.items():
        path = package + "/BUILD.bazel" if package else "BUILD.bazel"
        ctx.file(path, "".join(texts), executable = False)

def _from_archive(ctx):
    result = ctx.download_and_extract(
        allow_fail = True,
        sha256 = ctx.attr.sha256,
        stripPrefix = ctx.attr.strip_prefix,
        url = ctx.attr.urls,
    )
    if not result.success:
        fail("%s is neither installed (Debian: apt-get install %s) nor could it be downloaded from %s" % (
            ctx.name,
            ctx.attr.debian,
            " or ".join(ctx.attr.urls),
        ))

def _system_or_archive_impl(ctx):
    wanted = ctx.os.environ.get("RATCHET_DEPENDENCIES", "")
    if wanted not in ["", "archive", "system"]:
        fail("RATCHET_DEPENDENCIES is '%s', not 'system', 'archive' or empty" % wanted)
    if (wanted != "archive" or not ctx.attr.urls) and _found(ctx):
        _from_system(ctx)
    elif ctx.attr.urls and (wanted == "archive" or (wanted == "" and ctx.attr.archives)):
        _from_archive(ctx)
    else:
        fail("%s (%s) is not installed (Debian: apt-get install %s)" % (ctx.name, ctx.attr.requires, ctx.attr.debian))

system_or_archive = repository_rule(
    implementation = _system_or_archive_impl,
    attrs = {
        "archives": attr.bool(
            default = True,
            doc = "Whether to download what is not installed if nobody says which to use.",
        ),
        "debian": attr.string(
            doc = "The Debian packages it is in, for messages.",
        ),
        "header": attr.string(
            doc = "Its header, for what pkg-config names folders of that it can do without.",
        ),
        "requires": attr.string(
            doc = "What pkg-config must know for the system's to be used: 'MODULE' or 'MODULE >= VERSION'.",
        ),
        "sha256": attr.string(doc = "Of the archive."),
        "source": attr.string(
            doc = "A folder which is there if the system has it: the repository is a view of it.",
        ),
        "strip_prefix": attr.string(doc = "Of the archive."),
        "system_build_file": attr.label(
            allow_single_file = True,
            doc = "The top BUILD file for the system's `source`, unless it has one.",
        ),
        "targets": attr.string_list_dict(
            doc = "'PACKAGE:NAME' -> the pkg-config modules (and linker flags, with their dash) it links.",
        ),
        "tsan_suppressions": attr.string_list(
            doc = "ThreadSanitizer's false alarms about the system's, which is not instrumented.",
        ),
        "urls": attr.string_list(doc = "Where the archive is."),
    },
    configure = True,
    doc = "A dependency from the system's packages if they are installed, else from a pinned archive.",
    environ = ["PATH", "PKG_CONFIG_PATH", "RATCHET_DEPENDENCIES"],
)
