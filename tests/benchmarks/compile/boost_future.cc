// Ten thens. There are no tasks.

#define BOOST_THREAD_VERSION 5

#include <boost/thread/future.hpp>

using boost::future;

future<int> ten_thens(future<int> f) {
  return f.then(boost::launch::sync, [](future<int> x) { return x.get() + 1; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 2; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 3; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 4; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 5; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 6; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 7; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 8; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 9; })
      .then(boost::launch::sync, [](future<int> x) { return x.get() + 10; });
}
