# Target xgrammar: XGrammar's C++ library, from its PyPI source distribution by name, version and hash. No
# distribution packages it. Fetched once by pip into a cache of the user's (XDG_CACHE_HOME or ~/.cache; without a
# home, build/cache), unpacked into the build folder, and compiled with this build's own compiler and flags.
set(XGRAMMAR_VERSION 0.2.8)
set(XGRAMMAR_SHA256 8305646fd2b319d6c3003f51a1665e54cbbe9cba1fb636bc41d0b46434ccbb80)

if(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(xgrammar_cache $ENV{XDG_CACHE_HOME}/pingti)
elseif(NOT "$ENV{HOME}" STREQUAL "" AND EXISTS "$ENV{HOME}")
  set(xgrammar_cache $ENV{HOME}/.cache/pingti)
else()
  set(xgrammar_cache ${CMAKE_SOURCE_DIR}/build/cache)
endif()
set(xgrammar_archive ${xgrammar_cache}/xgrammar-${XGRAMMAR_VERSION}.tar.gz)
set(xgrammar_source ${CMAKE_BINARY_DIR}/xgrammar-${XGRAMMAR_VERSION})

# Sets `whole` to whether the archive is there with the hash it must have.
macro(xgrammar_check_archive)
  set(whole FALSE)
  if(EXISTS ${xgrammar_archive})
    file(SHA256 ${xgrammar_archive} xgrammar_hash)
    if(xgrammar_hash STREQUAL XGRAMMAR_SHA256)
      set(whole TRUE)
    endif()
  endif()
endmacro()

# What was unpacked before needs neither archive nor network.
if(NOT EXISTS ${xgrammar_source}/.complete)
  xgrammar_check_archive()
  if(NOT whole)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    message(STATUS "Fetching XGrammar ${XGRAMMAR_VERSION} (2.7 MB) by pip")
    set(xgrammar_fetched ${CMAKE_BINARY_DIR}/xgrammar-download)
    file(REMOVE_RECURSE ${xgrammar_fetched})
    execute_process(
      COMMAND ${Python3_EXECUTABLE} -m pip download --quiet --disable-pip-version-check --no-deps
              --no-binary xgrammar --dest ${xgrammar_fetched} xgrammar==${XGRAMMAR_VERSION}
      OUTPUT_VARIABLE xgrammar_output ERROR_VARIABLE xgrammar_output RESULT_VARIABLE xgrammar_failed)
    # pip looks into the package after it has stored it: what counts is the file and its hash.
    if(EXISTS ${xgrammar_fetched}/xgrammar-${XGRAMMAR_VERSION}.tar.gz)
      file(MAKE_DIRECTORY ${xgrammar_cache})
      file(RENAME ${xgrammar_fetched}/xgrammar-${XGRAMMAR_VERSION}.tar.gz ${CMAKE_BINARY_DIR}/xgrammar.tar.gz)
      # Copied beside its place and renamed there, as the cache may lie on another disk.
      string(RANDOM LENGTH 8 xgrammar_part)
      configure_file(${CMAKE_BINARY_DIR}/xgrammar.tar.gz ${xgrammar_archive}.${xgrammar_part} COPYONLY)
      file(RENAME ${xgrammar_archive}.${xgrammar_part} ${xgrammar_archive})
    endif()
    xgrammar_check_archive()
    if(NOT whole)
      message(FATAL_ERROR "XGrammar ${XGRAMMAR_VERSION} could not be fetched with the SHA-256 ${XGRAMMAR_SHA256}: "
        "pip needs a network or a mirror (PIP_INDEX_URL); or put its source distribution at ${xgrammar_archive}. "
        "pip said:\n${xgrammar_output}")
    endif()
  endif()
  file(REMOVE_RECURSE ${xgrammar_source})
  file(ARCHIVE_EXTRACT INPUT ${xgrammar_archive} DESTINATION ${CMAKE_BINARY_DIR})
  file(TOUCH ${xgrammar_source}/.complete)
endif()

# Its own CMakeLists.txt builds Python bindings and forces -Werror and LTO; the sources need neither.
file(GLOB_RECURSE xgrammar_sources ${xgrammar_source}/cpp/*.cc)
list(FILTER xgrammar_sources EXCLUDE REGEX "/tvm_ffi/")
add_library(xgrammar STATIC ${xgrammar_sources})
target_include_directories(xgrammar SYSTEM PUBLIC ${xgrammar_source}/include
  ${xgrammar_source}/3rdparty/dlpack/include ${xgrammar_source}/3rdparty/picojson)
# XGRAMMAR_LOG_CUSTOMIZE: errors and warnings go to src/grammar/library_log.h instead of stderr.
target_compile_definitions(xgrammar PUBLIC XGRAMMAR_ENABLE_CPPTRACE=0 XGRAMMAR_ENABLE_INTERNAL_CHECK=0
  XGRAMMAR_LOG_CUSTOMIZE=1)
target_link_libraries(xgrammar PUBLIC Threads::Threads)
set_target_properties(xgrammar PROPERTIES CXX_STANDARD 17 INTERPROCEDURAL_OPTIMIZATION OFF)
target_compile_options(xgrammar PRIVATE -w -g0)
