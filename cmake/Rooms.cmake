# One CMake target a folder. A folder's sources are the .cpp files in it: a new file needs no list.
#
# The sanitizers' presets compile the files of a folder as one source (CMAKE_UNITY_BUILD): most of their time goes into
# what all files include. In the others each file is compiled by itself, and must include what it uses.
#
#   fieldcast_room(<target> [PUBLIC <targets the headers need>] [PRIVATE <targets and third-party libraries>])
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(fieldcast_flags INTERFACE)
target_compile_options(fieldcast_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                 -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
# GCC 12 warns of an overlap inside std::string that cannot be (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(fieldcast_flags INTERFACE -Wno-restrict)
endif()
target_include_directories(fieldcast_flags INTERFACE ${PROJECT_SOURCE_DIR})

function(fieldcast_room target)
  cmake_parse_arguments(ROOM "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PUBLIC ${ROOM_PUBLIC} PRIVATE fieldcast_flags ${ROOM_PRIVATE})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()
