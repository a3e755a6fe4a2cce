#include "gateway/event.hpp"

#include <atomic>

namespace fieldcast {
namespace {

// In the order of Event. docs/events.md has the same words.
constexpr std::array<EventInfo, kEvents> kEventTable{{
    {"started", Level::info, "", "", "The gateway has read its configuration and its log.", ""},
    {"listening", Level::info, "address", "", "Clients can connect to this address.", ""},
    {"few_descriptors", Level::warning, "", "",
     "The system lets the process open fewer files than `limits.connections` asks for.",
     "Raise `LimitNOFILE` of the service, or lower the key."},
    {"loop_held", Level::warning, "thread", "",
     "One of the threads that serve clients stood still for a second or more: its clients waited.",
     "Look at the machine's load and at swapping; fewer or narrower filters, or more `server.threads`."},
    {"stopping", Level::info, "", "", "The gateway was asked to stop, and tells its clients.", ""},
    {"stopped", Level::info, "", "", "All is on disk, and the mark that proves the log's end.", ""},
    {"stopped_without_disk", Level::error, "", "",
     "The disk did not take all in time: what is missing is in the journal, which a restart of the machine takes.",
     "Look after the disk, and start the gateway again before the machine is."},

    {"broker_up", Level::info, "broker", "",
     "Connected. A new session means that the broker kept nothing for the gateway meanwhile.", ""},
    {"broker_down", Level::warning, "broker", "",
     "The connection was lost; the gateway connects again by itself, and what the broker keeps for it comes later.",
     "Where it comes often: look at the network, and for a second client with the same `client_id`."},
    {"broker_unreachable", Level::warning, "broker", "",
     "No connection can be had; the gateway tries on. Written again only where the reason is another.",
     "The reason says what is in the way: the address, the name server, the broker's access rules or certificate."},
    {"probe_off", Level::warning, "broker", "",
     "The broker does not give back the gateway's probe: a reading after a silence may be 100 ms late.",
     "Allow the client to write and read the topic named, or set `probe = \"off\"`."},
    {"subscribed", Level::debug, "broker", "filter", "The broker granted the subscription.", ""},
    {"subscription_refused", Level::error, "broker", "filter",
     "The broker does not let the gateway read this filter: its readings are missing.",
     "Allow it in the broker's access rules, or take it out of `topics`."},
    {"unsubscribed", Level::debug, "broker", "filter", "A filter of a former configuration has gone.", ""},
    {"unsubscription_refused", Level::debug, "broker", "filter",
     "A filter of a former configuration stays in the broker's session; what it brings is dropped.", ""},
    {"faulty_topic", Level::warning, "broker", "",
     "Messages whose topic is no topic name by MQTT 5 were dropped; the line names one.",
     "Correct the publisher, or shorten `prefix`."},
    {"not_subscribed", Level::warning, "broker", "",
     "Messages came that no filter of `topics` asks for, and were dropped: the broker's session has a former filter.",
     "Nothing, where it ends: the gateway unsubscribes. Else end the session at the broker."},
    {"commands_unreachable", Level::warning, "broker", "",
     "Somebody published, and the connection for commands cannot be had: the client was told `no_broker`.",
     "As for `broker_unreachable`; the client identifier is `<client_id>-commands`."},
    {"commands_unanswered", Level::warning, "broker", "",
     "Commands were sent and not acknowledged: the client was told `timeout`.",
     "Look at the broker: it hung up, or takes longer than 10 s."},

    {"storage_up", Level::info, "path", "", "The database can be written (again); what waited is being written.", ""},
    {"storage_down", Level::error, "path", "",
     "The database cannot be written or read. Live delivery goes on; what the journal cannot hold is lost.",
     "The reason says what is in the way: a full disk, its rights, a damaged card."},
    {"journal_on_disk", Level::warning, "", "",
     "The journal is no file in memory: each reading is written to that disk, which wears flash.",
     "Name a folder on a tmpfs in `storage.journal`."},
    {"log_end_unknown", Level::warning, "", "",
     "It cannot be proved where the log ended, after a power cut or with another database: clients are told a gap.",
     ""},
    {"entries_lost", Level::error, "", "",
     "Entries left the journal before they were on disk: history has a hole, which clients are told.",
     "Bring the disk back; a larger `storage.memory_bytes` bridges a longer time."},
    {"data_damaged", Level::error, "", "",
     "The disk gave back other bytes than were written to it: readings there are lost, and clients are told a gap.",
     "Move to another card or disk; `fieldcast check` says what is damaged."},

    {"certificate_renewed", Level::info, "", "", "The files of `server.tls` have changed, and are in use.", ""},
    {"certificate_faulty", Level::error, "", "",
     "The files of `server.tls` have changed and cannot be used: the former certificate stays in use until it expires.",
     "The line says what is wrong with which file."},
    {"certificate_expiring", Level::warning, "", "", "The certificate in use expires in less than two weeks.",
     "Renew it: new files in the same place are taken without a restart."},
    {"certificate_expired", Level::error, "", "", "The certificate in use has expired: clients refuse it.",
     "Renew it: new files in the same place are taken without a restart."},
    {"limit_reached", Level::warning, "limit", "",
     "A bound of the configuration was reached: the line names its key, `/metrics` counts how often.",
     "Raise the key where the machine bears it, or find the client or publisher that asks for so much."},
}};

std::atomic<EventLog*> the_log{nullptr};

}  // namespace

const EventInfo& info(Event event) {
  return kEventTable[static_cast<std::size_t>(event)];
}

void set_event_log(EventLog* log) noexcept {
  the_log = log;
}

void note(Event event, const Subject& subject, std::string_view text, std::uint64_t times) noexcept {
  if (EventLog* const log = the_log.load()) log->note(event, subject, text, times);
}

}  // namespace fieldcast
