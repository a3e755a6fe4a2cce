#include "tools/findings.hpp"

#include <algorithm>
#include <vector>

#include "adapters/logging/logging.hpp"
#include "storage/block.hpp"
#include "tools/text.hpp"

namespace fieldcast::tools {
namespace {

// Of a block's topics so many are named.
constexpr std::size_t kNamedTopics = 5;

const char* name_of(Finding::What what) {
  switch (what) {
    case Finding::What::block:
      return "damaged block";
    case Finding::What::record:
      return "damaged record of the tail";
    case Finding::What::pages:
      return "damaged pages of the file";
    case Finding::What::hole:
      return "not in the log: lost before it was on disk";
    case Finding::What::row:
      return "damaged row in the list of blocks (the block is whole)";
    case Finding::What::state:
      return "damaged latest readings (no reading of the log)";
  }
  return "";
}

std::string topics_text(const BlockRow& row) {
  std::vector<std::string> topics;
  bool links = false;
  if (!BlockCodec().decode_topics(row.topics, topics, links)) return "";
  std::string out = topics.empty() ? "" : ", of ";
  for (std::size_t i = 0; i < std::min(topics.size(), kNamedTopics); ++i) out += (i == 0 ? "" : ", ") + topics[i];
  if (topics.size() > kNamedTopics) out += " and " + std::to_string(topics.size() - kNamedTopics) + " more topics";
  return out;
}

}  // namespace

std::string finding_text(const Finding& finding) {
  std::string out;
  if (finding.what == Finding::What::state) {
    out = finding.first_seq == 0 ? "state" : "piece " + std::to_string(finding.first_seq) + " of the state";
  } else {
    out = "seq " + std::to_string(finding.first_seq);
    if (finding.last_seq != finding.first_seq) out += " to " + std::to_string(finding.last_seq);
  }
  out.append(": ").append(name_of(finding.what));
  if (!finding.detail.empty()) out += ": " + finding.detail;
  if (finding.row && finding.what == Finding::What::block) {
    out += "; " + count_text(finding.row->entries, "entry", "entries") + " from " + time_text(finding.row->first_time) +
           " to " + time_text(finding.row->last_time) + topics_text(*finding.row);
  }
  return logging::escape(out);
}

}  // namespace fieldcast::tools
