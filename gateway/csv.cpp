#include "gateway/csv.hpp"

#include "gateway/encoding.hpp"

namespace fieldcast {
namespace {

void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_payload(std::string& out, const Entry& reading) {
  switch (reading.kind) {
    case Kind::json:
      append_field(out, reading.payload);
      out += ',';
      break;
    case Kind::text:
      append_field(out, reading.payload);
      out += ",text";
      break;
    case Kind::binary:
      append_base64(out, reading.payload);
      out += ",base64";
      break;
    case Kind::omitted:
      out += ",omitted";
      break;
    case Kind::link:
      break;  // no reading
  }
}

}  // namespace

void append_csv(std::string& out, const Entry& reading, bool with_broker) {
  out += std::to_string(reading.seq);
  out += ',';
  out += std::to_string(reading.time);
  out += ',';
  append_field(out, reading.topic);
  out += ',';
  append_payload(out, reading);
  out += reading.retained ? ",true" : ",";
  out += reading.redelivered ? ",true," : ",,";
  if (with_broker) append_field(out, reading.broker);
  out += "\r\n";
}

}  // namespace fieldcast
