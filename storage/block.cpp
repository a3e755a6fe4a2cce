// content = | log_ms | wall_ms | entries | columns, one behind the other |
//
//   topics     count, then each: size, bytes                in the order in which they first come; link entries have ""
//   brokers    count, then each: size, bytes                their names, in the order in which they first come
//   seqs       the first, then each one's distance to the one before
//   topic      each entry's place among the topics
//   times      the first, then each one's distance to the one before
//   flags      one byte each: kind | retained | redelivered | session_resumed | up
//   sizes      of each payload; for omitted entries also the size that it had
//   broker     each entry's place among the brokers, by topic; not there where all are of one broker
//   payloads   by topic
//   counts     of each entry's topic; not there but in the state
//
// By topic: one topic after the other, in their order above; of one topic in log order.
//
// Numbers are varints (seven bits a byte, lowest first); those that may be negative are zigzagged. What lies in a
// column looks alike, which is what the compression lives on.
#include "storage/block.hpp"

#include <zstd.h>

#include <new>
#include <optional>
#include <unordered_map>
#include <utility>

#include "gateway/cursor.hpp"

namespace fieldcast {
namespace {

constexpr std::string_view kMagic = "FCB2";
constexpr int kLevel = 1;
constexpr std::uint8_t kKindMask = 7, kRetained = 8, kRedelivered = 16, kSessionResumed = 32, kUp = 64;
// Of the topics of one block: kBlockBytes of names, or one.
constexpr std::size_t kMaxTopics = 4u << 20;
// An entry in the columns, one byte in each: bounds what a count can make us allocate.
constexpr std::size_t kLeastEntry = 5;

void put(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}

void put_signed(std::string& to, std::int64_t value) {
  put(to, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

/// Strings that entries have in common, each of which is written once; entries tell their place among them.
class Names {
 public:
  std::size_t place_of(std::string_view name) {
    const auto [place, fresh] = places_.try_emplace(name, names_.size());
    if (fresh) names_.push_back(name);
    return place->second;
  }
  std::size_t count() const { return names_.size(); }
  void put_all(std::string& to) const {
    put(to, names_.size());
    for (const std::string_view name : names_) {
      put(to, name.size());
      to += name;
    }
  }

 private:
  std::vector<std::string_view> names_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

/// Reads what put() wrote; once something does not fit it is not good() any more and gives zeros.
class Source {
 public:
  explicit Source(std::string_view bytes) : left_(bytes) {}

  bool good() const { return good_; }
  std::size_t left() const { return left_.size(); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    good_ = false;
    return 0;
  }

  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }

  std::string_view bytes(std::uint64_t size) {
    if (size > left_.size()) good_ = false;
    if (!good_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  /// What Names wrote. Not good() where there are more than entries: each is some entry's.
  std::vector<std::string_view> names(std::uint64_t entries) {
    const std::uint64_t count = number();
    if (count > entries) good_ = false;
    if (!good_) return {};
    std::vector<std::string_view> names(count);
    for (std::string_view& name : names) name = bytes(number());
    return names;
  }

 private:
  std::string_view left_;
  bool good_ = true;
};

std::uint8_t flags_of(const Entry& entry) {
  return static_cast<std::uint8_t>(
      static_cast<unsigned>(entry.kind) | (entry.retained ? kRetained : 0u) | (entry.redelivered ? kRedelivered : 0u) |
      (entry.session_resumed ? kSessionResumed : 0u) | (entry.state == LinkState::up ? kUp : 0u));
}

void set_flags(Entry& entry, std::uint8_t flags) {
  entry.kind = static_cast<Kind>(flags & kKindMask);
  entry.retained = (flags & kRetained) != 0;
  entry.redelivered = (flags & kRedelivered) != 0;
  entry.session_resumed = (flags & kSessionResumed) != 0;
  entry.state = (flags & kUp) != 0 ? LinkState::up : LinkState::down;
}

}  // namespace

BlockCodec::BlockCodec()
    : compressor_(ZSTD_createCCtx(), ZSTD_freeCCtx), decompressor_(ZSTD_createDCtx(), ZSTD_freeDCtx) {
  if (!compressor_ || !decompressor_) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_checksumFlag, 1);
}

BlockCodec::~BlockCodec() = default;

std::string BlockCodec::compress() {
  std::string encoded(kMagic.size() + ZSTD_compressBound(content_.size()), '\0');
  kMagic.copy(encoded.data(), kMagic.size());
  const std::size_t size = ZSTD_compress2(compressor_.get(), encoded.data() + kMagic.size(),
                                          encoded.size() - kMagic.size(), content_.data(), content_.size());
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // the only reason that is left
  encoded.resize(kMagic.size() + size);
  return encoded;
}

bool BlockCodec::decompress(std::string_view encoded, std::size_t max_content) {
  if (!encoded.starts_with(kMagic)) return false;
  encoded.remove_prefix(kMagic.size());
  const unsigned long long size = ZSTD_getFrameContentSize(encoded.data(), encoded.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > max_content) return false;
  content_.resize(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(decompressor_.get(), content_.data(), content_.size(), encoded.data(), encoded.size()) ==
         content_.size();
}

std::string BlockCodec::encode(std::span<const Entry> entries, const Stamp& stamp,
                               std::span<const std::uint64_t> counts) {
  Names topics, brokers;
  std::vector<std::size_t> topic, broker;  // of each entry
  std::vector<std::vector<std::size_t>> by_topic;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    topic.push_back(topics.place_of(entries[i].topic));
    broker.push_back(brokers.place_of(entries[i].broker));
    by_topic.resize(topics.count());
    by_topic[topic.back()].push_back(i);
  }

  content_.clear();
  put_signed(content_, stamp.log_ms);
  put_signed(content_, stamp.wall_ms);
  put(content_, entries.size());
  topics.put_all(content_);
  brokers.put_all(content_);
  std::uint64_t seq = 0;
  for (const Entry& entry : entries) put(content_, entry.seq - std::exchange(seq, entry.seq));
  for (const std::size_t place : topic) put(content_, place);
  std::uint64_t time = 0;  // unsigned, since distances between absurd times overflow
  for (const Entry& entry : entries) {
    const auto next = static_cast<std::uint64_t>(entry.time);
    put_signed(content_, static_cast<std::int64_t>(next - std::exchange(time, next)));
  }
  for (const Entry& entry : entries) content_.push_back(static_cast<char>(flags_of(entry)));
  for (const Entry& entry : entries) {
    put(content_, entry.payload.size());
    if (entry.kind == Kind::omitted) put(content_, entry.size);
  }
  if (brokers.count() > 1) {
    for (const auto& of_topic : by_topic) {
      for (const std::size_t i : of_topic) put(content_, broker[i]);
    }
  }
  for (const auto& of_topic : by_topic) {
    for (const std::size_t i : of_topic) content_ += entries[i].payload;
  }
  for (const std::uint64_t count : counts) put(content_, count);
  return compress();
}

bool BlockCodec::decode(std::string_view encoded, std::size_t max_content, Chunk& chunk, Stamp& stamp, Counts counts) {
  chunk.clear();
  if (!decompress(encoded, max_content)) return false;
  // The chunk's strings are those of the content itself.
  chunk.bytes.swap(content_);
  if (parse(chunk, stamp, counts)) return true;
  chunk.clear();
  return false;
}

bool BlockCodec::parse(Chunk& chunk, Stamp& stamp, Counts counts) {
  Source source(chunk.bytes);
  stamp.log_ms = source.signed_number();
  stamp.wall_ms = source.signed_number();
  const std::uint64_t count = source.number();
  if (!source.good() || count == 0 || count > source.left() / kLeastEntry) return false;
  const std::vector<std::string_view> topics = source.names(count), brokers = source.names(count);
  if (!source.good()) return false;

  chunk.entries.resize(count);
  std::uint64_t seq = 0;
  for (Entry& entry : chunk.entries) {
    const std::uint64_t distance = source.number();
    if (distance == 0 || distance > kMaxSeq - seq) return false;
    entry.seq = seq += distance;
  }
  std::vector<std::vector<std::size_t>> by_topic(topics.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t place = source.number();
    if (place >= topics.size()) return false;
    chunk.entries[i].topic = topics[place];
    by_topic[place].push_back(i);
  }
  std::uint64_t time = 0;
  for (Entry& entry : chunk.entries) {
    time += static_cast<std::uint64_t>(source.signed_number());
    entry.time = static_cast<std::int64_t>(time);
  }
  const std::string_view flags = source.bytes(count);
  if (!source.good()) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto flag = static_cast<std::uint8_t>(flags[i]);
    if ((flag & kKindMask) > static_cast<std::uint8_t>(Kind::link)) return false;
    set_flags(chunk.entries[i], flag);
  }
  std::vector<std::uint64_t> sizes(count);
  for (std::size_t i = 0; i < count; ++i) {
    sizes[i] = source.number();
    if (chunk.entries[i].kind == Kind::omitted) chunk.entries[i].size = source.number();
  }
  for (const auto& of_topic : by_topic) {
    for (const std::size_t i : of_topic) {
      const std::uint64_t place = brokers.size() == 1 ? 0 : source.number();
      if (place >= brokers.size()) return false;
      chunk.entries[i].broker = brokers[place];
    }
  }
  for (const auto& of_topic : by_topic) {
    for (const std::size_t i : of_topic) chunk.entries[i].payload = source.bytes(sizes[i]);
  }
  if (counts == Counts::with) {
    chunk.counts.resize(count);
    for (std::uint64_t& of_topic : chunk.counts) of_topic = source.number();
  }
  return source.good() && source.left() == 0;
}

std::string BlockCodec::encode_topics(std::span<const Entry> entries) {
  std::unordered_map<std::string_view, bool> known;
  bool links = false;
  content_.assign(1, '\0');
  for (const Entry& entry : entries) {
    links = links || is_link(entry);
    if (is_link(entry) || !known.try_emplace(entry.topic, true).second) continue;
    put(content_, entry.topic.size());
    content_ += entry.topic;
  }
  content_.front() = links ? '\1' : '\0';
  return compress();
}

bool BlockCodec::decode_topics(std::string_view encoded, std::vector<std::string>& topics, bool& links) {
  topics.clear();
  if (!decompress(encoded, kMaxTopics) || content_.empty()) return false;
  links = content_.front() != '\0';
  Source source(std::string_view(content_).substr(1));
  while (source.good() && source.left() != 0) topics.emplace_back(source.bytes(source.number()));
  return source.good();
}

}  // namespace fieldcast
