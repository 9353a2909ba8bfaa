# Writes INPUT's bytes as a C++ array to OUTPUT; called by pingti_embed.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace pingti {\nnamespace {\n"
  "constexpr char kBytes[] = {\n${bytes}'\\0'};\n}\n"
  "const std::string_view ${SYMBOL}(kBytes, sizeof kBytes - 1);\n}\n")
