#ifndef RATCHET_INTERNAL_GUARDED_H_
#define RATCHET_INTERNAL_GUARDED_H_

// Included wherever the library calls code of its user.

#include <exception>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/base/config.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"

namespace ratchet::internal {

#ifdef ABSL_HAVE_EXCEPTIONS
// The exception being handled as a status: kUnknown, its type and its text.
absl::Status status_of_current_exception();
#endif

// Calls f(), which returns absl::Status or anything else, which is dropped.
// An exception becomes a status: nothing ever crosses the loop.
template <class F>
absl::Status call_guarded(F&& f) {
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    if constexpr (std::is_same_v<decltype(std::forward<F>(f)()),
                                 absl::Status>) {
      return std::forward<F>(f)();
    } else {
      std::forward<F>(f)();
      return absl::OkStatus();
    }
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (...) {
    return status_of_current_exception();
  }
#endif
}

// Calls f() and, if it fails or throws, on_failure(status). As call_guarded(),
// but where nothing fails no status is made: this is what each turn of a loop
// goes through.
template <class F, class OnFailure>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void call_guarded(
    F&& f, const OnFailure& on_failure) {
#ifdef ABSL_HAVE_EXCEPTIONS
  try {
#endif
    if constexpr (std::is_same_v<decltype(std::forward<F>(f)()),
                                 absl::Status>) {
      const absl::Status status = std::forward<F>(f)();
      if (ABSL_PREDICT_FALSE(!status.ok())) on_failure(status);
    } else {
      std::forward<F>(f)();
    }
#ifdef ABSL_HAVE_EXCEPTIONS
  } catch (...) {
    on_failure(status_of_current_exception());
  }
#endif
}

}  // namespace ratchet::internal

#endif  // RATCHET_INTERNAL_GUARDED_H_
