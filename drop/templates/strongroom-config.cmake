# find_package(strongroom) gives strongroom::static and strongroom::shared.
get_filename_component(_strongroom "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

# A missing or cut file would be found by the linker only, which knows not what to do about it.
foreach(_file @FILES@)
  string(REPLACE "=" ";" _file "${_file}")
  list(GET _file 0 _name)
  list(GET _file 1 _size)
  if(NOT EXISTS "${_strongroom}/${_name}")
    message(FATAL_ERROR "strongroom: ${_strongroom}/${_name} is missing: unpack the drop again")
  endif()
  file(SIZE "${_strongroom}/${_name}" _found)
  if(NOT _found EQUAL _size)
    message(FATAL_ERROR "strongroom: ${_strongroom}/${_name} has ${_found} bytes and should have ${_size}: unpack the drop again")
  endif()
endforeach()

if(NOT CMAKE_SYSTEM_NAME STREQUAL "@SYSTEM@" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(@PROCESSOR@)$")
  message(FATAL_ERROR "strongroom: ${_strongroom} is for @PLATFORM@, and this builds for ${CMAKE_SYSTEM_NAME} ${CMAKE_SYSTEM_PROCESSOR}: "
    "set CMAKE_PREFIX_PATH to the folder of that platform, in the drop for it or in that for all")
endif()

if(NOT TARGET strongroom::static)
  find_package(Threads REQUIRED)

  add_library(strongroom::static INTERFACE IMPORTED)
  set_target_properties(strongroom::static PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_strongroom}/include"
    INTERFACE_LINK_LIBRARIES "${_strongroom}/lib/libstrongroom_client.a;${_strongroom}/lib/libstrongroom.a;@LIBRARIES@;Threads::Threads")

  # The client calls the library, so it comes before it on the linker's line.
  add_library(strongroom::library SHARED IMPORTED)
  set_target_properties(strongroom::library PROPERTIES
    IMPORTED_LOCATION "${_strongroom}/@SHARED@"
    @LINKED@)
  add_library(strongroom::shared INTERFACE IMPORTED)
  set_target_properties(strongroom::shared PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_strongroom}/include"
    INTERFACE_LINK_LIBRARIES "${_strongroom}/lib/libstrongroom_client.a;strongroom::library;Threads::Threads")
endif()
