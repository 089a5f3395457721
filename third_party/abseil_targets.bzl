"""The public Abseil targets, and the pkg-config module behind each."""

# Package -> its public targets. The module of //absl/PACKAGE:TARGET is called
# absl_TARGET, unless _MODULES says otherwise. Targets which the installed
# Abseil does not have are left out of the repository made from it.
_TARGETS = {
    "algorithm": ["algorithm", "container"],
    "base": [
        "base",
        "config",
        "core_headers",
        "dynamic_annotations",
        "endian",
        "log_severity",
        "no_destructor",
        "nullability",
        "prefetch",
    ],
    "cleanup": ["cleanup"],
    "container": [
        "btree",
        "fixed_array",
        "flat_hash_map",
        "flat_hash_set",
        "inlined_vector",
        "node_hash_map",
        "node_hash_set",
    ],
    "crc": ["crc32c"],
    "debugging": [
        "failure_signal_handler",
        "leak_check",
        "stacktrace",
        "symbolize",
    ],
    "flags": [
        "commandlineflag",
        "config",
        "flag",
        "marshalling",
        "parse",
        "reflection",
        "usage",
    ],
    "functional": ["any_invocable", "bind_front", "function_ref", "overload"],
    "hash": ["hash"],
    "log": [
        "absl_check",
        "absl_log",
        "check",
        "die_if_null",
        "flags",
        "globals",
        "initialize",
        "log",
        "log_entry",
        "log_sink",
        "log_sink_registry",
        "log_streamer",
        "structured",
    ],
    "memory": ["memory"],
    "meta": ["type_traits"],
    "numeric": ["bits", "int128"],
    "random": [
        "bit_gen_ref",
        "distributions",
        "random",
        "seed_gen_exception",
        "seed_sequences",
    ],
    "status": ["status", "statusor"],
    "strings": ["cord", "has_ostream_operator", "str_format", "string_view", "strings"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["any", "bad_any_cast", "bad_optional_access", "bad_variant_access", "compare", "optional", "span", "variant"],
    "utility": ["utility"],
}

_MODULES = {
    "absl/algorithm:container": "absl_algorithm_container",
    "absl/flags:commandlineflag": "absl_flags_commandlineflag",
    "absl/flags:config": "absl_flags_config",
    "absl/flags:flag": "absl_flags",
    "absl/flags:marshalling": "absl_flags_marshalling",
    "absl/flags:parse": "absl_flags_parse",
    "absl/flags:reflection": "absl_flags_reflection",
    "absl/flags:usage": "absl_flags_usage",
    "absl/log:flags": "absl_log_flags",
    "absl/log:globals": "absl_log_globals",
    "absl/log:initialize": "absl_log_initialize",
    "absl/log:structured": "absl_log_structured",
    "absl/random:bit_gen_ref": "absl_random_bit_gen_ref",
    "absl/random:distributions": "absl_random_distributions",
    "absl/random:random": "absl_random_random",
    "absl/random:seed_gen_exception": "absl_random_seed_gen_exception",
    "absl/random:seed_sequences": "absl_random_seed_sequences",
}

# //absl/PACKAGE:TARGET, without the slashes -> the modules it is linked from.
ABSEIL_TARGETS = {
    "absl/%s:%s" % (package, name): [
        _MODULES.get("absl/%s:%s" % (package, name), "absl_" + name),
    ]
    for package, names in _TARGETS.items()
    for name in names
}
