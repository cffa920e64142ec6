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

# The knowledge of the assistant, as trees: parsing it at each start would take longer than all
# else that a start does.
add_executable(flatten_yaml tools/flatten_yaml.cc)
target_link_libraries(flatten_yaml PRIVATE prom5_io)
foreach(pack words infrastructure services)
  set(PACK ${CMAKE_SOURCE_DIR}/packs/${pack}.yaml)
  set(TREE ${GENERATED}/pack_${pack}.bin)
  add_custom_command(
    OUTPUT ${TREE} ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc
    COMMAND flatten_yaml ${PACK} ${TREE}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::catalogue shipped_${pack} ${TREE}
            ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc
    DEPENDS flatten_yaml ${PACK} ${CMAKE_SOURCE_DIR}/tools/embed.py
    VERBATIM)
  set_source_files_properties(${GENERATED}/pack_${pack}.S PROPERTIES OBJECT_DEPENDS ${TREE})
  target_sources(prom5_ask PRIVATE ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc)
endforeach()

# What it says, also as trees, a file a language: ask/texts/languages.cc names each.
foreach(language en de)
  set(TEXTS ${CMAKE_SOURCE_DIR}/packs/texts/${language}.yaml)
  set(TREE ${GENERATED}/texts_${language}.bin)
  add_custom_command(
    OUTPUT ${TREE} ${GENERATED}/texts_${language}.S ${GENERATED}/texts_${language}.cc
    COMMAND flatten_yaml ${TEXTS} ${TREE}
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::texts shipped_texts_${language} ${TREE}
            ${GENERATED}/texts_${language}.S ${GENERATED}/texts_${language}.cc
    DEPENDS flatten_yaml ${TEXTS} ${CMAKE_SOURCE_DIR}/tools/embed.py
    VERBATIM)
  set_source_files_properties(${GENERATED}/texts_${language}.S PROPERTIES OBJECT_DEPENDS ${TREE})
  target_sources(prom5_ask PRIVATE ${GENERATED}/texts_${language}.S
                                   ${GENERATED}/texts_${language}.cc)
endforeach()

# What the words of that knowledge mean: learnt from the packs, which takes a second.
add_executable(make_embedding tools/make_embedding.cc src/ask/catalogue/concept.cc
               src/ask/catalogue/lexicon.cc src/ask/catalogue/make_word_vectors.cc
               src/ask/catalogue/recipe_query.cc src/ask/catalogue/word_features.cc
               src/ask/catalogue/word_vectors.cc)
foreach(pack words infrastructure services)
  target_sources(make_embedding PRIVATE ${GENERATED}/pack_${pack}.S ${GENERATED}/pack_${pack}.cc)
endforeach()
target_link_libraries(make_embedding PRIVATE prom5_model)
add_custom_command(
  OUTPUT ${GENERATED}/word_vectors.bin ${GENERATED}/word_vectors.S ${GENERATED}/word_vectors.cc
  COMMAND make_embedding ${GENERATED}/word_vectors.bin
  COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::catalogue shipped_vectors
          ${GENERATED}/word_vectors.bin ${GENERATED}/word_vectors.S ${GENERATED}/word_vectors.cc
  DEPENDS make_embedding ${CMAKE_SOURCE_DIR}/tools/embed.py
  VERBATIM)
set_source_files_properties(${GENERATED}/word_vectors.S PROPERTIES
                            OBJECT_DEPENDS ${GENERATED}/word_vectors.bin)
target_sources(prom5_ask PRIVATE ${GENERATED}/word_vectors.S ${GENERATED}/word_vectors.cc)

foreach(part openapi openapi_v1)
  set(OPENAPI ${CMAKE_SOURCE_DIR}/src/app/api/${part}.yaml)
  add_custom_command(
    OUTPUT ${GENERATED}/${part}.S ${GENERATED}/${part}_text.cc
    COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py text prom5::api ${part}_yaml ${OPENAPI}
            ${GENERATED}/${part}.S ${GENERATED}/${part}_text.cc
    DEPENDS ${OPENAPI} ${CMAKE_SOURCE_DIR}/tools/embed.py
    VERBATIM)
  set_source_files_properties(${GENERATED}/${part}.S PROPERTIES OBJECT_DEPENDS ${OPENAPI})
  target_sources(prom5_app PRIVATE ${GENERATED}/${part}.S ${GENERATED}/${part}_text.cc)
endforeach()
