# Unit tests (one program a folder), fuzz targets and benchmarks, each globbed from beside the
# sources.

enable_testing()
find_package(GTest QUIET)
if(NOT GTest_FOUND)
  message(STATUS "No unit tests: libgtest-dev is missing (script/setup --test installs it)")
  return()
endif()
find_package(benchmark QUIET)

foreach(folder IN LISTS PROM5_FOLDERS)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS src/${folder}/*_test.cc)
  if(tests)
    add_executable(test_${folder} ${tests})
    target_link_libraries(test_${folder} PRIVATE prom5_${folder} GTest::gtest GTest::gtest_main)
    # EXPECT_… after an if without braces, and options of which a case names some, are fine.
    target_compile_options(test_${folder} PRIVATE -Wno-dangling-else
                           -Wno-missing-field-initializers)
    target_compile_definitions(test_${folder} PRIVATE PROM5_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit_${folder} COMMAND test_${folder})
  endif()

  file(GLOB_RECURSE fuzzers CONFIGURE_DEPENDS src/${folder}/*_fuzz.cc)
  if(PROM5_FUZZ)
    foreach(source IN LISTS fuzzers)
      get_filename_component(name ${source} NAME_WE)
      add_executable(${name} ${source})
      target_link_libraries(${name} PRIVATE prom5_${folder})
      target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()

  file(GLOB_RECURSE benches CONFIGURE_DEPENDS src/${folder}/*_bench.cc)
  if(benches AND benchmark_FOUND AND NOT PROM5_SANITIZE)
    add_executable(bench_${folder} EXCLUDE_FROM_ALL ${benches})
    target_link_libraries(bench_${folder} PRIVATE prom5_${folder} benchmark::benchmark_main)
  endif()
endforeach()
