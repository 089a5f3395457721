#include "tests/conformance/registry.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace ratchet::conformance {
namespace {

std::string numbered(const std::string& name, int count) {
  return count == 1 ? name : absl::StrCat(name, "#", count);
}

handle* find_in(const std::map<std::string, handle*>& handles,
                const std::string& name) {
  const auto found = handles.find(name);
  return found == handles.end() ? nullptr : found->second;
}

}  // namespace

std::string registry::next_task_name(const std::string& body) {
  return numbered(body, ++tasks_of_body_[body]);
}

void registry::take_back_task_name(const std::string& body) {
  --tasks_of_body_[body];
}

handle& registry::add_task(const std::string& name,
                           shared_future<datum> future) {
  handle*& h = tasks_[name];
  if (h == nullptr) h = &add(name, std::move(future));
  return *h;
}

void registry::bind_future(const std::string& as, shared_future<datum> future,
                           std::optional<promise<datum>> producer) {
  handle* h = find(future);
  if (h == nullptr) {
    h = &add(numbered(as, ++futures_of_name_[as]), std::move(future));
    h->producer = std::move(producer);
  }
  bind(as, *h);
}

handle* registry::find(const std::string& name) const {
  return find_in(bound_, name);
}

handle* registry::find_task(const std::string& task_name) const {
  return find_in(tasks_, task_name);
}

handle* registry::find(const shared_future<datum>& future) const {
  for (const std::unique_ptr<handle>& h : handles_) {
    if (h->future == future) return h.get();
  }
  return nullptr;
}

handle& registry::add(std::string name, shared_future<datum> future) {
  handles_.push_back(std::make_unique<handle>());
  handles_.back()->name = std::move(name);
  handles_.back()->future = std::move(future);
  return *handles_.back();
}

std::vector<std::string> registry::unretrieved() const {
  std::vector<std::string> names;
  for (const std::unique_ptr<handle>& h : handles_) {
    if (h->future.unretrieved()) names.push_back(h->name);
  }
  return names;
}

}  // namespace ratchet::conformance
