// tour: All lessons at once, shown one after the other

// Each lesson is a program of its own, and all are started before the first one
// is shown: the tour takes as long as the longest of them.

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "demos/lesson.h"
#include "gflags/gflags.h"

DECLARE_bool(virtual_time);

struct running_lesson {
  std::string name;
  std::string heading;
  std::FILE* output;
};

running_lesson start(const std::string& heading) {
  const std::string name = heading.substr(0, heading.find(':'));
  std::string command = "exec \"$DEMOS/" + name + "\"";
  if (FLAGS_virtual_time) command += " --virtual_time";
  if (name == "cancel_midflight") {
    command = "printf 'n\\nn\\ny\\n' | (" + command + ")";
  } else {
    command += " </dev/null";
  }
  std::FILE* const output = popen(command.c_str(), "r");
  if (output == nullptr) {
    std::perror("tour: cannot start a lesson");
    std::exit(1);
  }
  return {name, heading, output};
}

// Shows a lesson, waits for its end, and returns whether that is the right one.
bool show(const running_lesson& lesson) {
  std::cout << "=== " << lesson.heading << '\n';
  std::array<char, 4096> line;
  while (std::fgets(line.data(), line.size(), lesson.output) != nullptr) {
    std::cout << line.data();
  }
  const int ended = pclose(lesson.output);
  const int status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  if (status != 0) std::cout << "(exit status " << status << ")\n";
  std::cout << '\n';
  return status == (lesson.name == "gather_error" ? 1 : 0);
}

int main(int argc, char** argv) {
  const std::string self = argv[0];
  lesson::begin(argc, argv);

  // The lessons, and a list of them, are where the tour is.
  const std::string directory = self.substr(0, self.rfind('/'));
  setenv("DEMOS", directory.c_str(), /*overwrite=*/1);
  std::ifstream headings(directory + "/lessons.txt");
  std::vector<running_lesson> lessons;
  for (std::string heading; std::getline(headings, heading);) {
    lessons.push_back(start(heading));
  }
  if (lessons.empty()) {
    std::cerr << "tour: there is no " << directory << "/lessons.txt\n";
    return 1;
  }

  bool good = true;
  for (const running_lesson& lesson : lessons) good = show(lesson) && good;
  return good ? 0 : 1;
}
