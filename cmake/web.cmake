# The web UI and the shipped data, embedded into the program.

enable_language(ASM)
set(GENERATED ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${GENERATED})

# The UI is the same for every build type: it is built once, in the source tree.
file(GLOB_RECURSE WEB_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/src/*
     ${CMAKE_SOURCE_DIR}/web/index.html ${CMAKE_SOURCE_DIR}/web/public/*)
set(WEB_DIST ${CMAKE_SOURCE_DIR}/web/dist)
add_custom_command(
  OUTPUT ${GENERATED}/web_assets.S ${GENERATED}/web_assets.cc
  COMMAND ${CMAKE_SOURCE_DIR}/script/build_web
  COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py web ${WEB_DIST} ${GENERATED}/web_assets.S
          ${GENERATED}/web_assets.cc
  DEPENDS ${WEB_SOURCES} ${CMAKE_SOURCE_DIR}/web/package-lock.json
          ${CMAKE_SOURCE_DIR}/web/vite.config.ts ${CMAKE_SOURCE_DIR}/tools/embed.py
          ${CMAKE_SOURCE_DIR}/script/build_web
  COMMENT "Building the web UI"
  VERBATIM)
target_sources(prom5_app PRIVATE ${GENERATED}/web_assets.S ${GENERATED}/web_assets.cc)

# The knowledge of the assistant.
foreach(pack words infrastructure services)
  set(PACK ${CMAKE_SOURCE_DIR}/packs/${pack}.yaml)
  add_custom_command(
    OUTPUT ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::catalogue shipped_${pack} ${PACK}
            ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc
    DEPENDS ${PACK} ${CMAKE_SOURCE_DIR}/tools/embed.py
    VERBATIM)
  set_source_files_properties(${GENERATED}/pack_${pack}.S PROPERTIES OBJECT_DEPENDS ${PACK})
  target_sources(prom5_ask PRIVATE ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc)
endforeach()

set(OPENAPI ${CMAKE_SOURCE_DIR}/src/app/api/openapi.yaml)
add_custom_command(
  OUTPUT ${GENERATED}/openapi.S ${GENERATED}/openapi_text.cc
  COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::api openapi_yaml ${OPENAPI}
          ${GENERATED}/openapi.S ${GENERATED}/openapi_text.cc
  DEPENDS ${OPENAPI} ${CMAKE_SOURCE_DIR}/tools/embed.py
  VERBATIM)
set_source_files_properties(${GENERATED}/openapi.S PROPERTIES OBJECT_DEPENDS ${OPENAPI})
target_sources(prom5_app PRIVATE ${GENERATED}/openapi.S ${GENERATED}/openapi_text.cc)
