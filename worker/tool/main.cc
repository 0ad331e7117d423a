// hekla-model: looks into a model file and runs it without a server. The commands stand in command.cc.
#include <string>
#include <vector>

#include "worker/tool/command.h"

int main(int argc, char** argv) {
  return hekla::tool::Dispatch(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
