// Readings that say which they are and when they were published, at an even pace. Plain values; each function belongs
// to the thread that calls it.
#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <thread>

namespace fieldcast::bench {

// A payload begins `{"n":N,"at":T,"text":"`: N counts the readings of a run, T is the steady clock in nanoseconds. Both
// have so much added that they have the same number of digits for years, and T is below 2^53: a time is overwritten in
// place, and a reader knows where to look.
inline constexpr std::string_view kPayloadMark = R"({"n":)";
inline constexpr std::string_view kTimeMark = R"(,"at":)";
inline constexpr std::uint64_t kNumberBase = 1'000'000'000;
inline constexpr std::uint64_t kTimeBase = 1'000'000'000'000'000;
inline constexpr std::size_t kNumberDigits = 10, kTimeDigits = 16;
inline constexpr std::size_t kTimeOffset = kPayloadMark.size() + kNumberDigits + kTimeMark.size();

/// The present time as payloads have it.
inline std::uint64_t stamp() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return kTimeBase + static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

/// A JSON payload of `size` bytes (at least 60), the text in it random, so that it does not compress to nothing.
inline std::string make_payload(std::uint32_t n, std::size_t size) {
  static thread_local std::mt19937_64 random(1);
  std::string payload(kPayloadMark);
  payload.append(std::to_string(kNumberBase + n)).append(kTimeMark).append(std::to_string(stamp()));
  payload += R"(,"text":")";
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  while (payload.size() < size - 2) payload += kLetters[random() % kLetters.size()];
  return payload += "\"}";
}

/// The number of `digits` that begins at `at`.
inline std::uint64_t number_at(std::string_view text, std::size_t at, std::size_t digits) {
  std::uint64_t number = 0;
  std::from_chars(text.data() + at, text.data() + at + digits, number);
  return number;
}

/// Calls `send(i)` for each turn i, `per_second` times a second. One that comes late is not left out.
template <class Send>
void at_pace(double per_second, std::uint32_t turns, Send send) {
  const auto start = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < turns; ++i) {
    const std::chrono::duration<double> offset(i / per_second);
    std::this_thread::sleep_until(start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(offset));
    send(i);
  }
}

}  // namespace fieldcast::bench
