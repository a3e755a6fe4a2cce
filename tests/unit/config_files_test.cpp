// The configuration's own file, and the files and directories that it names.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "app/config.hpp"
#include "tests/support/temp_dir.hpp"

namespace fieldcast {
namespace {

using namespace std::chrono_literals;

const std::string kBroker = "[[mqtt]]\n";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Sets a variable of the environment, or takes it out, until its end.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void set(const char* value) { value ? setenv(name_, value, 1) : unsetenv(name_); }

  const char* const name_;
  std::optional<std::string> before_;
};

class StoragePaths : public testing::Test {
 protected:
  LoadedConfig load(const std::string& keys) {
    return load_config(dir_.write("f.toml", kBroker + "[storage]\n" + keys));
  }
  Config::Storage storage(const std::string& keys) {
    const auto loaded = load(keys);
    for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem, "f");
    return loaded.config.storage;
  }
  std::string only(const std::string& keys) {
    const auto loaded = load(keys);
    return loaded.problems.size() == 1 ? to_string(loaded.problems[0], "f") : std::to_string(loaded.problems.size());
  }

  const test::TempDir dir_;
};

TEST_F(StoragePaths, AreAbsoluteAfterReading) {
  EXPECT_EQ(storage("path = \"a.db\"").path, dir_.path() / "a.db");
  EXPECT_EQ(storage("path = \"./x/../a.db\"").path, dir_.path() / "a.db");
  EXPECT_EQ(storage("path = \"/tmp//a.db\"").path, "/tmp/a.db");
  EXPECT_EQ(storage("journal = \"j\"").journal, dir_.path() / "j");
  EXPECT_EQ(storage("journal = \"/dev/shm/j\"").journal, "/dev/shm/j");
  // Of a file that was named without its directory too: every start must find the same journal.
  dir_.write("f.toml", kBroker + "[storage]\npath = \"a.db\"\n");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  const auto here = std::filesystem::current_path();
  EXPECT_EQ(load_config("f.toml").config.storage.path, here / "a.db");
  EXPECT_EQ(load_config("./f.toml").config.storage.path, here / "a.db");
  std::filesystem::current_path(before);
}

TEST_F(StoragePaths, TheJournalIsInMemoryByDefault) {
  const std::string shared = "/dev/shm/fieldcast-" + std::to_string(geteuid());
  {
    const Environment none("RUNTIME_DIRECTORY", nullptr);
    EXPECT_EQ(storage("").journal, shared);
  }
  {
    const Environment empty("RUNTIME_DIRECTORY", "");
    EXPECT_EQ(storage("").journal, shared);
  }
  const Environment of_systemd("RUNTIME_DIRECTORY", "/run/fieldcast:/run/other");
  EXPECT_EQ(storage("").journal, "/run/fieldcast");
  EXPECT_EQ(storage("journal = \"/dev/shm/j\"").journal, "/dev/shm/j");
}

TEST_F(StoragePaths, MustNotNameADirectory) {
  EXPECT_TRUE(only("path = \".\"").starts_with("f:3:8: storage.path: ")) << only("path = \".\"");
  for (const std::string path : {".", "none/", "/tmp", "/"}) {
    EXPECT_TRUE(load("path = \"" + path + "\"").failed()) << path;
    EXPECT_TRUE(has(only("path = \"" + path + "\""), "name the database file in it")) << path;
  }
  EXPECT_TRUE(has(only("path = \"\""), "is empty"));
  EXPECT_TRUE(has(only("journal = \"\""), "leave it out"));
  EXPECT_TRUE(has(only("path = 1"), "not file name"));
  EXPECT_TRUE(has(only("journal = 1"), "not directory name"));
  EXPECT_TRUE(has(only("path = \"a\\nb\""), "control character"));
}

TEST_F(StoragePaths, ADirectoryThatIsMissingIsAWarning) {
  const auto found = only("path = \"disk/a.db\"");
  EXPECT_TRUE(found.starts_with("f:3:8: warning: ")) << found;
  EXPECT_TRUE(has(found, (dir_.path() / "disk").string())) << found;
  EXPECT_FALSE(load("path = \"disk/a.db\"").failed());
  std::filesystem::create_directory(dir_.path() / "disk");
  storage("path = \"disk/a.db\"");
  // The journal's is made.
  storage("journal = \"none\"");
}

TEST_F(StoragePaths, OfTheJournalMustBeOneThatCanBeMade) {
  dir_.write("file", "");
  EXPECT_TRUE(only("journal = \"file\"").starts_with("f:3:11: storage.journal: ")) << only("journal = \"file\"");
  EXPECT_TRUE(has(only("journal = \"file\""), "is no directory"));
  EXPECT_TRUE(has(only("journal = \"none/j\""), "there is no directory")) << only("journal = \"none/j\"");
  EXPECT_TRUE(has(only("path = \"a.db\"\njournal = \"a.db\""), "is storage.path too"));
}

TEST_F(StoragePaths, TheSettledExampleIsAccepted) {
  const auto loaded = load(R"(path = "/var/lib/fieldcast/fieldcast.db"
commit_interval = "1s"
keep_for = "7d"
keep_bytes = "1GiB"
)");
  EXPECT_FALSE(loaded.failed());
  // The directory need not be there.
  for (const auto& problem : loaded.problems) EXPECT_TRUE(problem.warning) << to_string(problem, "f");
  EXPECT_EQ(loaded.config.storage.path, "/var/lib/fieldcast/fieldcast.db");
  EXPECT_EQ(loaded.config.storage.commit_interval, 1s);
  EXPECT_EQ(loaded.config.storage.keep_for, 168h);
  EXPECT_EQ(loaded.config.storage.keep_bytes, 1u << 30);
}

class PasswordFile : public testing::Test {
 protected:
  LoadedConfig load(const std::string& keys) { return parse_config(kBroker + keys, dir_.path()); }
  std::string only(const LoadedConfig& loaded) {
    return loaded.problems.size() == 1 ? to_string(loaded.problems[0], "f") : std::to_string(loaded.problems.size());
  }
  std::string write(const std::string& text, mode_t mode = 0600) {
    std::string file = dir_.write("password", text);
    EXPECT_EQ(chmod(file.c_str(), mode), 0);
    return file;
  }

  const test::TempDir dir_;
  const std::string keys_ = "user = \"u\"\npassword_file = \"password\"\n";
};

TEST_F(PasswordFile, IsReadWithoutTheNewlineAtItsEnd) {
  const std::string file = write("secret \n");
  const auto relative = load(keys_);
  EXPECT_TRUE(relative.problems.empty());
  EXPECT_EQ(relative.config.mqtt[0].password, "secret ");
  EXPECT_EQ(load("user = \"u\"\npassword_file = \"" + file + "\"\n").config.mqtt[0].password, "secret ");
}

TEST_F(PasswordFile, IsLookedForAmongCredentialsFirst) {
  write("beside");
  const test::TempDir credentials;
  const Environment environment("CREDENTIALS_DIRECTORY", credentials.path().c_str());
  EXPECT_EQ(load(keys_).config.mqtt[0].password, "beside");
  chmod(credentials.write("password", "credential").c_str(), 0400);
  EXPECT_EQ(load(keys_).config.mqtt[0].password, "credential");
}

TEST_F(PasswordFile, ThatIsFaultyIsAProblem) {
  EXPECT_TRUE(only(load(keys_))
                  .starts_with("f:3:17: mqtt.password_file: \"" + (dir_.path() / "password").string() +
                               "\" cannot be read (No such file"));
  for (const char* empty : {"", "\n"}) {
    write(empty);
    EXPECT_TRUE(has(only(load(keys_)), "is empty"));
  }
  write(std::string(kPasswordBytes, 'x') + "\n");
  EXPECT_EQ(load(keys_).config.mqtt[0].password.size(), kPasswordBytes);
  EXPECT_FALSE(load(keys_).failed());
  write(std::string(kPasswordBytes + 1, 'x'));
  EXPECT_TRUE(has(only(load(keys_)), "longer"));
  EXPECT_TRUE(has(only(load("user = \"u\"\npassword_file = \".\"\n")), "no regular file"));
  write("secret");
  EXPECT_TRUE(has(only(load("password_file = \"password\"\n")), "without mqtt.user"));
  EXPECT_TRUE(has(only(load("user = \"u\"\npassword_file = \"\"\n")), "is empty"));
}

TEST_F(PasswordFile, ThatOthersReadIsAnError) {
  write("secret", 0644);
  const auto loaded = load(keys_);
  EXPECT_TRUE(loaded.failed());
  EXPECT_TRUE(has(only(loaded), "can be read by every user")) << only(loaded);
  EXPECT_TRUE(has(only(loaded), "chmod o=")) << only(loaded);
  EXPECT_FALSE(has(only(loaded), "secret"));
  // Its group is the operator's affair, as systemd's credentials are.
  write("secret", 0640);
  EXPECT_TRUE(load(keys_).problems.empty());
}

TEST_F(PasswordFile, IsNotReadForATool) {
  const auto loaded = parse_config(kBroker + keys_, dir_.path(), ConfigFiles::leave);
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.config.mqtt[0].password, "");
}

TEST(ConfigFile, IsReadAndBounded) {
  const test::TempDir dir;
  const auto only = [](const std::string& file) {
    const auto loaded = load_config(file);
    return loaded.problems.size() == 1 ? to_string(loaded.problems[0], "f") : std::to_string(loaded.problems.size());
  };
  EXPECT_TRUE(load_config(dir.write("good", kBroker)).problems.empty());
  EXPECT_TRUE(has(only(""), "name of the configuration file is empty"));
  EXPECT_EQ(only(dir.path() / "none"), "f: cannot be read: No such file or directory");
  EXPECT_TRUE(has(only(dir.path()), "is a directory"));
  EXPECT_TRUE(
      load_config(dir.write("long", kBroker + std::string(kConfigBytes - kBroker.size(), ' '))).problems.empty());
  EXPECT_TRUE(has(only(dir.write("long", std::string(kConfigBytes + 1, ' '))), "longer than 1 MiB"));

  // A relative file in it is beside it.
  dir.write("password", "secret");
  const auto loaded = load_config(dir.write("p", kBroker + "user = \"u\"\npassword_file = \"password\""));
  EXPECT_EQ(loaded.config.mqtt[0].password, "secret");
}

}  // namespace
}  // namespace fieldcast
