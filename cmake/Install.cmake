# Where `cmake --install` puts what, as Debian has it: below /usr, the configuration in /etc. DESTDIR and --prefix work as
# always. The demo, benches and tests are not installed.
if(CMAKE_INSTALL_PREFIX_INITIALIZED_TO_DEFAULT)
  set_property(CACHE CMAKE_INSTALL_PREFIX PROPERTY VALUE /usr)
endif()
include(GNUInstallDirs)

install(TARGETS fieldcast RUNTIME)

# The units name the program and its files by their full paths.
foreach(unit fieldcast.service fieldcast.socket)
  file(READ systemd/${unit} text)
  string(REPLACE /usr/bin ${CMAKE_INSTALL_FULL_BINDIR} text "${text}")
  string(REPLACE /usr/share/doc/fieldcast ${CMAKE_INSTALL_FULL_DOCDIR} text "${text}")
  string(REPLACE /etc/fieldcast ${CMAKE_INSTALL_FULL_SYSCONFDIR}/fieldcast text "${text}")
  file(CONFIGURE OUTPUT systemd/${unit} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS systemd/${unit})
  # Not in LIBDIR: that is the machine's architecture's, and systemd does not look there.
  install(FILES ${CMAKE_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system)
endforeach()

# What is there is the operator's.
install(CODE "
  set(config \"\$ENV{DESTDIR}${CMAKE_INSTALL_FULL_SYSCONFDIR}/fieldcast/fieldcast.toml\")
  if(EXISTS \"\${config}\")
    message(STATUS \"Kept: \${config}\")
  else()
    file(INSTALL \"${PROJECT_SOURCE_DIR}/config/fieldcast.toml\" DESTINATION \"${CMAKE_INSTALL_FULL_SYSCONFDIR}/fieldcast\")
  endif()")
install(FILES config/fieldcast.toml DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

file(GLOB pages CONFIGURE_DEPENDS docs/*.md docs/*.yaml)
install(FILES README.md CHANGELOG.md ${pages} DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY monitoring DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES docs/fieldcast.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
