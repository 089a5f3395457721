#include "tests/conformance/op_table.h"

#include "absl/strings/str_split.h"

namespace ratchet::conformance {
namespace {

constexpr op_class kSync = op_class::sync;
constexpr op_class kFlow = op_class::flow;
constexpr op_class kAwait = op_class::await;
constexpr op_class kScope = op_class::scope;
constexpr op_class kDriver = op_class::driver;

constexpr char kLocks[] = "lock condition semaphore bounded_semaphore";
constexpr char kQueues[] = "queue priority_queue lifo_queue";

struct op_row {
  const char* name;
  op_class cls;
  const char* feature;
  // NAME:TYPE, with a ? behind the type when the field is optional.
  const char* fields = "";
  // FIELD, or KEY=FIELD where the line shows it under another key.
  const char* echo = "";
  const char* kinds = "";
};

// clang-format off
constexpr op_row kOps[] = {
    // Plain.
    {"log", kSync, "core", "msg:value? last:bool?"},
    {"whoami", kSync, "core"},
    {"tasks?", kSync, "core"},
    {"set_var", kSync, "core", "var:name value:int", "var"},
    {"add_var", kSync, "core", "var:name by:int", "var"},

    // Tasks and futures.
    {"spawn", kSync, "core", "task:task as:name group:name? eager:bool?",
     "h=as group"},
    {"future", kSync, "core", "as:name", "h=as"},
    {"set_result", kSync, "core", "h:handle value:value?", "h"},
    {"set_error", kSync, "core", "h:handle msg:msg", "h"},
    {"cancel", kSync, "core", "h:handle", "h"},
    {"uncancel", kSync, "core", "h:handle", "h"},
    {"cancelling?", kSync, "core", "h:handle", "h"},
    {"done?", kSync, "core", "h:handle", "h"},
    {"cancelled?", kSync, "core", "h:handle", "h"},
    {"result?", kSync, "core", "h:handle", "h"},
    {"exception?", kSync, "core", "h:handle", "h"},
    {"gather", kSync, "core", "hs:handles return_exceptions:bool? as:name",
     "h=as"},
    {"shield", kSync, "core", "h:handle as:name", "h as"},
    {"on_done", kSync, "core", "h:handle as:name do:syncops?", "h cb=as"},
    {"off_done", kSync, "core", "h:handle cb:name", "h cb"},

    // Callbacks and timers.
    {"call_soon", kSync, "core", "as:name do:syncops?", "cb=as"},
    {"call_soon_threadsafe", kSync, "core", "as:name do:syncops?", "cb=as"},
    {"call_later", kSync, "core", "ms:int as:name do:syncops?", "cb=as ms"},
    {"call_at", kSync, "core", "at:int as:name do:syncops?", "cb=as at"},
    {"cancel_timer", kSync, "core", "cb:name", "cb"},
    {"timer_cancelled?", kSync, "core", "cb:name", "cb"},

    // Flow.
    {"return", kFlow, "core", "value:value? last:bool?"},
    {"raise", kFlow, "core", "msg:msg? kind:error|cancelled|timeout?"},
    {"reraise", kFlow, "core"},

    // Awaiting.
    {"sleep", kAwait, "core", "ms:int", "ms"},
    {"await", kAwait, "core", "h:handle", "h"},
    {"call", kAwait, "core", "task:task", "body=task"},
    {"wait", kAwait, "core", "hs:handles timeout:int_or_null? "
     "return_when:ALL_COMPLETED|FIRST_COMPLETED|FIRST_EXCEPTION?"},
    {"wait_for", kAwait, "core", "h:handle? task:task? timeout:int_or_null",
     "h body=task"},
    {"as_completed", kAwait, "core",
     "hs:handles timeout:int_or_null? limit:int?"},

    // Scopes.
    {"block", kScope, "core", "body:ops finally:ops?"},
    {"timeout", kScope, "timeouts",
     "ms:int_or_null? at:int_or_null? as:name? body:ops", "scope=as"},
    {"reschedule", kSync, "timeouts", "scope:name at:int_or_null? ms:int?",
     "scope"},
    {"expired?", kSync, "timeouts", "scope:name", "scope"},
    {"when?", kSync, "timeouts", "scope:name", "scope"},
    {"group", kScope, "groups", "as:name? body:ops", "group=as"},

    // Synchronization.
    {"acquire", kAwait, "sync", "o:object", "o", kLocks},
    {"release", kSync, "sync", "o:object", "o", kLocks},
    {"locked?", kSync, "sync", "o:object", "o", kLocks},
    {"event_wait", kAwait, "sync", "o:object", "o", "event"},
    {"event_set", kSync, "sync", "o:object", "o", "event"},
    {"event_clear", kSync, "sync", "o:object", "o", "event"},
    {"is_set?", kSync, "sync", "o:object", "o", "event"},
    {"cond_wait", kAwait, "sync", "o:object", "o", "condition"},
    {"cond_wait_for", kAwait, "sync", "o:object var:name ge:int", "o",
     "condition"},
    {"notify", kSync, "sync", "o:object n:int?", "o", "condition"},
    {"notify_all", kSync, "sync", "o:object", "o", "condition"},
    {"barrier_wait", kAwait, "sync", "o:object", "o", "barrier"},
    {"barrier_reset", kAwait, "sync", "o:object", "o", "barrier"},
    {"barrier_abort", kAwait, "sync", "o:object", "o", "barrier"},
    {"barrier?", kSync, "sync", "o:object", "o", "barrier"},
    {"put", kAwait, "sync", "o:object value:value", "o value", kQueues},
    {"get", kAwait, "sync", "o:object", "o", kQueues},
    {"put_nowait", kSync, "sync", "o:object value:value", "o value", kQueues},
    {"get_nowait", kSync, "sync", "o:object", "o", kQueues},
    {"task_done", kSync, "sync", "o:object", "o", kQueues},
    {"join", kAwait, "sync", "o:object", "o", kQueues},
    {"shutdown", kSync, "sync", "o:object immediate:bool?", "o immediate",
     kQueues},
    {"queue?", kSync, "sync", "o:object", "o", kQueues},

    // Extras.
    {"offload", kSync, "offload", "ms:int as:name value:value? msg:msg?",
     "h=as ms"},
    {"ctx_set", kSync, "context", "var:name value:value", "var"},
    {"ctx_get", kSync, "context", "var:name", "var"},

    // The loop itself.
    {"stop", kSync, "loop"},
    {"run_nested", kSync, "loop", "task:task", "body=task"},
    {"close_inside", kSync, "loop"},
    {"run", kDriver, "core", "task:task", "body=task"},
    {"run_until_complete", kDriver, "loop", "task:task? h:handle?",
     "body=task h"},
    {"run_forever", kDriver, "loop"},
    {"close", kDriver, "loop"},
    {"is_closed?", kDriver, "loop"},
};

struct object_row {
  const char* kind;
  const char* fields = "";
};

constexpr object_row kObjects[] = {
    {"lock"},
    {"event"},
    {"condition", "lock:object?"},
    {"semaphore", "value:int?"},
    {"bounded_semaphore", "value:int?"},
    {"barrier", "parties:int"},
    {"queue", "maxsize:int?"},
    {"priority_queue", "maxsize:int?"},
    {"lifo_queue", "maxsize:int?"},
};
// clang-format on

std::vector<std::string> words(const char* text) {
  return absl::StrSplit(text, ' ', absl::SkipEmpty());
}

std::vector<field_spec> fields(const char* text) {
  std::vector<field_spec> result;
  for (std::string word : words(text)) {
    const bool optional = word.back() == '?';
    if (optional) word.pop_back();
    const std::vector<std::string> parts = absl::StrSplit(word, ':');
    result.push_back({parts[0], parts[1], optional});
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> echo(const char* text) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string& word : words(text)) {
    const std::vector<std::string> parts = absl::StrSplit(word, '=');
    result.emplace_back(parts.front(), parts.back());
  }
  return result;
}

template <class Spec>
const Spec* find_by_name(const std::vector<Spec>& specs,
                         std::string Spec::*name, const std::string& wanted) {
  for (const Spec& spec : specs) {
    if (spec.*name == wanted) return &spec;
  }
  return nullptr;
}

std::vector<op_spec> op_table() {
  std::vector<op_spec> table;
  for (const op_row& row : kOps) {
    table.push_back({row.name, row.cls, row.feature, fields(row.fields),
                     echo(row.echo), words(row.kinds)});
  }
  return table;
}

std::vector<object_spec> object_table() {
  std::vector<object_spec> table;
  for (const object_row& row : kObjects) {
    table.push_back({row.kind, fields(row.fields)});
  }
  return table;
}

}  // namespace

const field_spec* op_spec::find_field(const std::string& wanted) const {
  return find_by_name(fields, &field_spec::name, wanted);
}

const field_spec* object_spec::find_field(const std::string& wanted) const {
  return find_by_name(fields, &field_spec::name, wanted);
}

const op_spec* find_op(const std::string& name) {
  static const std::vector<op_spec>& table =
      *new std::vector<op_spec>(op_table());
  return find_by_name(table, &op_spec::name, name);
}

const object_spec* find_object_kind(const std::string& kind) {
  static const std::vector<object_spec>& table =
      *new std::vector<object_spec>(object_table());
  return find_by_name(table, &object_spec::kind, kind);
}

}  // namespace ratchet::conformance
