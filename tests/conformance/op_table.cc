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
  // NAME:TYPE, with a ? behind the type when the field is optional.
  const char* fields = "";
  // FIELD, or KEY=FIELD where the line shows it under another key.
  const char* echo = "";
  const char* kinds = "";
};

// clang-format off
constexpr op_row kOps[] = {
    // Plain.
    {"log", kSync, "msg:value? last:bool?"},
    {"whoami", kSync},
    {"tasks?", kSync},
    {"set_var", kSync, "var:name value:int", "var"},
    {"add_var", kSync, "var:name by:int", "var"},

    // Tasks and futures.
    {"spawn", kSync, "task:task as:name group:name? eager:bool?",
     "h=as group"},
    {"future", kSync, "as:name", "h=as"},
    {"set_result", kSync, "h:handle value:value?", "h"},
    {"set_error", kSync, "h:handle msg:msg", "h"},
    {"cancel", kSync, "h:handle", "h"},
    {"uncancel", kSync, "h:handle", "h"},
    {"cancelling?", kSync, "h:handle", "h"},
    {"done?", kSync, "h:handle", "h"},
    {"cancelled?", kSync, "h:handle", "h"},
    {"result?", kSync, "h:handle", "h"},
    {"exception?", kSync, "h:handle", "h"},
    {"gather", kSync, "hs:handles return_exceptions:bool? as:name",
     "h=as"},
    {"shield", kSync, "h:handle as:name", "h as"},
    {"on_done", kSync, "h:handle as:name do:syncops?", "h cb=as"},
    {"off_done", kSync, "h:handle cb:name", "h cb"},

    // Callbacks and timers.
    {"call_soon", kSync, "as:name do:syncops?", "cb=as"},
    {"call_soon_threadsafe", kSync, "as:name do:syncops?", "cb=as"},
    {"call_later", kSync, "ms:int as:name do:syncops?", "cb=as ms"},
    {"call_at", kSync, "at:int as:name do:syncops?", "cb=as at"},
    {"cancel_timer", kSync, "cb:name", "cb"},
    {"timer_cancelled?", kSync, "cb:name", "cb"},

    // Flow.
    {"return", kFlow, "value:value? last:bool?"},
    {"raise", kFlow, "msg:msg? kind:error|cancelled|timeout?"},
    {"reraise", kFlow},

    // Awaiting.
    {"sleep", kAwait, "ms:int", "ms"},
    {"await", kAwait, "h:handle", "h"},
    {"call", kAwait, "task:task", "body=task"},
    {"wait", kAwait, "hs:handles timeout:int_or_null? "
     "return_when:ALL_COMPLETED|FIRST_COMPLETED|FIRST_EXCEPTION?"},
    {"wait_for", kAwait, "h:handle? task:task? timeout:int_or_null",
     "h body=task"},
    {"as_completed", kAwait,
     "hs:handles timeout:int_or_null? limit:int?"},

    // Scopes.
    {"block", kScope, "body:ops finally:ops?"},
    {"timeout", kScope,
     "ms:int_or_null? at:int_or_null? as:name? body:ops", "scope=as"},
    {"reschedule", kSync, "scope:name at:int_or_null? ms:int?",
     "scope"},
    {"expired?", kSync, "scope:name", "scope"},
    {"when?", kSync, "scope:name", "scope"},
    {"group", kScope, "as:name? body:ops", "group=as"},

    // Synchronization.
    {"acquire", kAwait, "o:object", "o", kLocks},
    {"release", kSync, "o:object", "o", kLocks},
    {"locked?", kSync, "o:object", "o", kLocks},
    {"event_wait", kAwait, "o:object", "o", "event"},
    {"event_set", kSync, "o:object", "o", "event"},
    {"event_clear", kSync, "o:object", "o", "event"},
    {"is_set?", kSync, "o:object", "o", "event"},
    {"cond_wait", kAwait, "o:object", "o", "condition"},
    {"cond_wait_for", kAwait, "o:object var:name ge:int", "o",
     "condition"},
    {"notify", kSync, "o:object n:int?", "o", "condition"},
    {"notify_all", kSync, "o:object", "o", "condition"},
    {"barrier_wait", kAwait, "o:object", "o", "barrier"},
    {"barrier_reset", kAwait, "o:object", "o", "barrier"},
    {"barrier_abort", kAwait, "o:object", "o", "barrier"},
    {"barrier?", kSync, "o:object", "o", "barrier"},
    {"put", kAwait, "o:object value:value", "o value", kQueues},
    {"get", kAwait, "o:object", "o", kQueues},
    {"put_nowait", kSync, "o:object value:value", "o value", kQueues},
    {"get_nowait", kSync, "o:object", "o", kQueues},
    {"task_done", kSync, "o:object", "o", kQueues},
    {"join", kAwait, "o:object", "o", kQueues},
    {"shutdown", kSync, "o:object immediate:bool?", "o immediate",
     kQueues},
    {"queue?", kSync, "o:object", "o", kQueues},

    // Extras.
    {"offload", kSync, "ms:int as:name value:value? msg:msg?",
     "h=as ms"},
    {"ctx_set", kSync, "var:name value:value", "var"},
    {"ctx_get", kSync, "var:name", "var"},

    // The loop itself.
    {"stop", kSync},
    {"run_nested", kSync, "task:task", "body=task"},
    {"close_inside", kSync},
    {"run", kDriver, "task:task", "body=task"},
    {"run_until_complete", kDriver, "task:task? h:handle?",
     "body=task h"},
    {"run_forever", kDriver},
    {"close", kDriver},
    {"is_closed?", kDriver},
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
    table.push_back({row.name, row.cls, fields(row.fields), echo(row.echo),
                     words(row.kinds)});
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
