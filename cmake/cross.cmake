# Instead of dependencies.cmake when building for another processor family, whose packages this machine does not
# have: the layers that need headers alone, and GoogleTest from its source package.
set(PINGTI_LAYERS base quant gguf kernels cache model)

find_package(Threads REQUIRED)
# The build machine's headers, these alone: the rest of /usr/include is of the wrong family.
foreach(folder fmt nlohmann)
  find_path(${folder}_root NAMES ${folder} PATHS /usr/include /usr/local/include REQUIRED NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
  file(CREATE_LINK ${${folder}_root}/${folder} ${CMAKE_BINARY_DIR}/include/${folder} SYMBOLIC)
endforeach()
add_library(fmt::fmt INTERFACE IMPORTED)
target_include_directories(fmt::fmt INTERFACE ${CMAKE_BINARY_DIR}/include)
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)
add_library(nlohmann_json::nlohmann_json INTERFACE IMPORTED)
target_include_directories(nlohmann_json::nlohmann_json INTERFACE ${CMAKE_BINARY_DIR}/include)

if(PINGTI_TESTS)
  enable_language(C)
  add_subdirectory(/usr/src/googletest ${CMAKE_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
  foreach(target gtest gtest_main gmock gmock_main)
    target_compile_options(${target} PRIVATE -w)  # not ours to warn about
  endforeach()
endif()
