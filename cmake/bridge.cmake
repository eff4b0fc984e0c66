# The Rust half of the Wasmtime engine, built once by cargo into a cache folder that every preset
# and every clone of this machine shares (a build costs minutes, the result depends only on the
# sources and Cargo.lock, and cargo tells what is stale).
set(GODWIT_CACHE_DIR "$ENV{GODWIT_CACHE_DIR}")
if(NOT GODWIT_CACHE_DIR)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(GODWIT_CACHE_DIR "$ENV{XDG_CACHE_HOME}/godwit")
  else()
    set(GODWIT_CACHE_DIR "$ENV{HOME}/.cache/godwit")
  endif()
endif()
set(GODWIT_BRIDGE_DIR ${CMAKE_SOURCE_DIR}/src/engines/wasmtime/bridge)
set(GODWIT_BRIDGE_TARGET_DIR ${GODWIT_CACHE_DIR}/bridge-target)
set(GODWIT_BRIDGE_LIBRARY ${CMAKE_BINARY_DIR}/bridge/libgodwit_wasmtime_bridge.a)

find_program(CARGO cargo REQUIRED)
file(GLOB_RECURSE bridge_sources CONFIGURE_DEPENDS
  ${GODWIT_BRIDGE_DIR}/src/*.rs ${GODWIT_BRIDGE_DIR}/Cargo.toml ${GODWIT_BRIDGE_DIR}/Cargo.lock
  ${GODWIT_BRIDGE_DIR}/hosts/*.rs ${GODWIT_BRIDGE_DIR}/hosts/src/*.rs.in
  ${GODWIT_BRIDGE_DIR}/hosts/Cargo.toml
  ${GODWIT_BRIDGE_DIR}/cbindgen.toml ${GODWIT_BRIDGE_DIR}/build.rs)
add_custom_command(
  OUTPUT ${GODWIT_BRIDGE_LIBRARY}
  COMMAND ${CMAKE_SOURCE_DIR}/tools/build_bridge.sh ${GODWIT_BRIDGE_DIR}
          ${GODWIT_BRIDGE_TARGET_DIR} ${CMAKE_BINARY_DIR}/bridge
  DEPENDS ${bridge_sources} ${CMAKE_SOURCE_DIR}/tools/build_bridge.sh
  COMMENT "Building the Wasmtime bridge (several minutes the first time on a machine)"
  VERBATIM)
add_custom_target(godwit_bridge_build DEPENDS ${GODWIT_BRIDGE_LIBRARY})
add_library(godwit_bridge STATIC IMPORTED)
set_target_properties(godwit_bridge PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES ${GODWIT_BRIDGE_DIR}/include
  IMPORTED_LOCATION ${GODWIT_BRIDGE_LIBRARY}
  INTERFACE_LINK_LIBRARIES "Threads::Threads;dl;m;gcc_s")
add_dependencies(godwit_bridge godwit_bridge_build)
