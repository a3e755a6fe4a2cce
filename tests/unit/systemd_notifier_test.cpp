// A service manager that does not read: nobody waits for it, and it is told later.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "adapters/systemd/notifier.hpp"
#include "tests/support/notify_socket.hpp"

namespace fieldcast::systemd {
namespace {

/// Sets a variable of the environment for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* const name_;
};

TEST(SystemdNotifier, NeverWaits) {
  test::NotifySocket systemd;
  const std::string variable = systemd.variable();
  const Variable set("NOTIFY_SOCKET", variable.substr(variable.find('=') + 1));
  Notifier notifier;
  int sent = 0;
  while (notifier.alive()) ++sent;  // until the socket is full
  EXPECT_GT(sent, 0);
  EXPECT_FALSE(notifier.ready("serving"));
  EXPECT_FALSE(notifier.status("serving, degraded"));
  systemd.drain();
  EXPECT_EQ(systemd.messages().size(), static_cast<std::size_t>(sent));

  EXPECT_TRUE(notifier.status("serving, degraded")) << "what was not told yet is told";
  EXPECT_TRUE(notifier.status("serving, degraded"));
  EXPECT_TRUE(notifier.status("two\nREADY=1"));
  systemd.drain();
  ASSERT_EQ(systemd.messages().size(), static_cast<std::size_t>(sent) + 2) << "the same is not told twice";
  EXPECT_EQ(systemd.messages().back(), "STATUS=two READY=1") << "one line";
}

TEST(SystemdNotifier, TellsNobodyWhereNobodyListens) {
  Notifier notifier;
  EXPECT_TRUE(notifier.ready("serving"));
  const Variable set("NOTIFY_SOCKET", "vsock:2:9");
  Notifier other;
  EXPECT_TRUE(other.ready("serving"));
}

TEST(SystemdNotifier, KnowsForWhomTheWatchdogIs) {
  EXPECT_EQ(Notifier::watchdog(), std::nullopt);
  {
    const Variable interval("WATCHDOG_USEC", "3000000");
    EXPECT_EQ(Notifier::watchdog(), std::chrono::seconds(3));
    const Variable mine("WATCHDOG_PID", std::to_string(getpid()));
    EXPECT_EQ(Notifier::watchdog(), std::chrono::seconds(3));
    const Variable not_mine("WATCHDOG_PID", std::to_string(getpid() + 1));
    EXPECT_EQ(Notifier::watchdog(), std::nullopt);
  }
  for (const char* wrong : {"", "0", "-1", "3s"}) {
    const Variable interval("WATCHDOG_USEC", wrong);
    EXPECT_EQ(Notifier::watchdog(), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace fieldcast::systemd
