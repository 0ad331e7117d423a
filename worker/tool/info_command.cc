// `hekla-model info`: what a model file holds, without reading its weights.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "worker/base/status_macros.h"
#include "worker/model/gguf.h"
#include "worker/model/model_config.h"
#include "worker/tool/command.h"

namespace hekla::tool {
namespace {

struct InfoOptions {
  std::string path;
  bool summary = false;
};

// "1.23 GiB"
std::string Size(uint64_t bytes) {
  const char* const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(bytes, " bytes") : absl::StrFormat("%.2f %s", value, units[unit]);
}

// One number if all layers agree, else the list.
std::string ByLayer(const std::vector<int>& values) {
  for (const int value : values) {
    if (value != values.front()) return absl::StrJoin(values, ", ");
  }
  return values.empty() ? "none" : absl::StrCat(values.front());
}

void ShowMetadata(const model::Gguf& file) {
  absl::PrintF("\nmetadata\n");
  for (const std::string& key : file.keys()) absl::PrintF("  %-44s %s\n", key, file.Describe(key));
}

void ShowConfig(const model::Gguf& file) {
  const absl::StatusOr<model::ModelConfig> config = model::ReadModelConfig(file);
  absl::PrintF("\nhyper-parameters\n");
  if (!config.ok()) {
    absl::PrintF("  cannot be run: %s\n", config.status().message());
    return;
  }
  auto row = [](const char* name, const std::string& value) { absl::PrintF("  %-20s %s\n", name, value); };
  row("architecture", config->architecture);
  row("layers", absl::StrCat(config->layers));
  row("embedding", absl::StrCat(config->embedding));
  row("heads", ByLayer(config->heads));
  row("kv heads", ByLayer(config->kv_heads));
  row("head width", absl::StrCat(config->head_dim));
  row("feed-forward", ByLayer(config->feed_forward));
  row("vocabulary", absl::StrCat(config->vocabulary));
  row("trained context", absl::StrCat(config->context_length, " tokens"));
  row("rope base", absl::StrCat(config->rope.freq_base));
  row("rms epsilon", absl::StrCat(config->rms_epsilon));
  uint64_t kv_bytes = 0;  // k and v, f16
  for (const int heads : config->kv_heads) kv_bytes += uint64_t{4} * heads * config->head_dim;
  row("kv cache", absl::StrCat(kv_bytes, " bytes per token"));
}

void ShowTensors(const model::Gguf& file) {
  absl::PrintF("\ntensors\n");
  for (const model::GgufTensor& tensor : file.tensors()) {
    absl::PrintF("  %-36s %-5s %-24s %14d bytes\n", tensor.name, model::Traits(tensor.type).name,
                 absl::StrJoin(tensor.shape, " x "), tensor.bytes);
  }
}

void ShowTotals(const model::Gguf& file) {
  struct Total {
    uint64_t tensors = 0, weights = 0, bytes = 0;
  };
  std::map<std::string, Total> totals;
  Total all;
  for (const model::GgufTensor& tensor : file.tensors()) {
    for (Total* total : {&totals[model::Traits(tensor.type).name], &all}) {
      ++total->tensors;
      total->weights += tensor.columns() * tensor.rows();
      total->bytes += tensor.bytes;
    }
  }
  absl::PrintF("\ntotals\n");
  auto row = [](const std::string& name, const Total& total) {
    const double bits = total.weights == 0 ? 0 : 8.0 * static_cast<double>(total.bytes) / total.weights;
    absl::PrintF("  %-6s %6d tensors %16d weights %12s  %6.3f bits per weight\n", name, total.tensors,
                 total.weights, Size(total.bytes), bits);
  };
  for (const auto& [name, total] : totals) row(name, total);
  row("all", all);
}

absl::Status ShowInfo(const InfoOptions& options) {
  HEKLA_ASSIGN_OR_RETURN(const auto file, model::Gguf::Open(options.path));
  absl::PrintF("%s: GGUF version %d, %s, %d keys, %d tensors\n", file->path(), file->version(),
               Size(file->file_bytes()), file->keys().size(), file->tensors().size());
  if (!options.summary) ShowMetadata(*file);
  ShowConfig(*file);
  if (!options.summary && !file->tensors().empty()) ShowTensors(*file);
  if (!file->tensors().empty()) ShowTotals(*file);
  return absl::OkStatus();
}

}  // namespace

int InfoCommand(const std::vector<std::string>& words) {
  InfoOptions options;
  Arguments arguments(
      "info",
      "Shows what a model file holds: metadata, hyper-parameters, every tensor with type, shape\n"
      "(row length first) and size, and totals by type. The whole header is checked.");
  arguments.AddPositional("FILE", "a GGUF model file; one with a vocabulary only will do", &options.path);
  arguments.AddSwitch("--summary", "only hyper-parameters and totals", &options.summary);
  return RunCommand(arguments, words, [&] { return ShowInfo(options); });
}

}  // namespace hekla::tool
