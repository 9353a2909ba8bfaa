# cmake -DOUT=FILE.cc "-DASSETS=/path=file;..." -P embed.cmake: writes the files as a C++ source.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")
set(arrays "")
set(rows "")
set(index 0)
foreach(asset ${ASSETS})
  string(REPLACE "=" ";" parts "${asset}")
  list(GET parts 0 path)
  list(GET parts 1 file)
  string(REGEX REPLACE "^.*\\." "" extension "${file}")
  set(type "${type_${extension}}")
  file(READ "${file}" hex HEX)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 16 hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char kBytes${index}[] = {${bytes}};\n")
  string(APPEND rows "      {\"${path}\", \"${type}\", text(kBytes${index}), \"\\\"${hash}\\\"\"},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUT}" "// Written by embed.cmake.
#include \"server/web_assets.h\"

namespace pingti {
namespace {

${arrays}
template <std::size_t N>
std::string_view text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

}  // namespace

std::span<const WebAsset> web_assets() {
  static const WebAsset kAssets[] = {
${rows}  };
  return kAssets;
}

}  // namespace pingti
")
