#ifndef RATCHET_INTERNAL_PRETTY_NAME_H_
#define RATCHET_INTERNAL_PRETTY_NAME_H_

// Included by task.h: the names of classes and their states, without RTTI.

#include <cstddef>
#include <string_view>

namespace ratchet::internal {

// The last component of a qualified name, without template arguments of its
// scopes: "demo::{anonymous}::square" -> "square", "ns::map<a::b>" ->
// "map<a::b>".
constexpr std::string_view last_component(std::string_view name) {
  int depth = 0;
  for (size_t i = name.size(); i > 1; --i) {
    const char c = name[i - 1];
    if (c == '>' || c == ')' || c == '}') ++depth;
    if (c == '<' || c == '(' || c == '{') --depth;
    if (depth == 0 && c == ':' && name[i - 2] == ':') return name.substr(i);
  }
  return name;
}

// What stands behind "What = " in the name of the calling function template,
// which gcc and clang spell "... [with auto What = &c::f]" or
// "... [What = &c::f]".
constexpr std::string_view argument_in(std::string_view function) {
  constexpr std::string_view kMark = "What = ";
  const size_t begin = function.rfind(kMark) + kMark.size();
  size_t end = begin;
  for (int depth = 0; end < function.size(); ++end) {
    const char c = function[end];
    if (c == '<' || c == '(' || c == '{' || c == '[') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
    if (depth == 0 && c == ';') break;
    if (c == ']' && --depth < 0) break;
  }
  return function.substr(begin, end - begin);
}

// The name of the member function `What`, a pointer to it: "finish".
template <auto What>
constexpr std::string_view name_of_value() {
  std::string_view name = last_component(argument_in(__PRETTY_FUNCTION__));
  while (!name.empty() && (name.back() == ')' || name.back() == ' ')) {
    name.remove_suffix(1);
  }
  return name;
}

// The unqualified name of the class `What`: "square".
template <class What>
constexpr std::string_view name_of_type() {
  return last_component(argument_in(__PRETTY_FUNCTION__));
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_PRETTY_NAME_H_
