# Packages as targets zg::<name>. libsodium comes from tools/deps when the system's is too old.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(ZG_DEPS_DIR ${CMAKE_SOURCE_DIR}/build/deps CACHE PATH "Where tools/deps puts what it builds")
set(ZG_SODIUM_MINIMUM 1.0.22)

function(zg_wrap name target)
    add_library(zg_${name} INTERFACE)
    target_link_libraries(zg_${name} INTERFACE ${target})
    add_library(zg::${name} ALIAS zg_${name})
endfunction()

# Own build first: it is static, so libzaguan can hold it.
set(own ${ZG_DEPS_DIR}/libsodium)
if(EXISTS ${own}/lib/libsodium.a)
    add_library(zg_sodium INTERFACE)
    target_include_directories(zg_sodium SYSTEM INTERFACE ${own}/include)
    target_link_libraries(zg_sodium INTERFACE ${own}/lib/libsodium.a Threads::Threads)
    set(ZG_SODIUM_ARCHIVE ${own}/lib/libsodium.a)
    add_library(zg::sodium ALIAS zg_sodium)
else()
    pkg_check_modules(sodium IMPORTED_TARGET libsodium>=${ZG_SODIUM_MINIMUM})
    if(NOT sodium_FOUND)
        message(FATAL_ERROR "libsodium ${ZG_SODIUM_MINIMUM} or newer is missing: run tools/deps")
    endif()
    zg_wrap(sodium PkgConfig::sodium)
    find_library(ZG_SODIUM_ARCHIVE NAMES libsodium.a HINTS ${sodium_LIBRARY_DIRS})
endif()

pkg_check_modules(uv REQUIRED IMPORTED_TARGET libuv)
zg_wrap(uv PkgConfig::uv)
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)
zg_wrap(sqlite PkgConfig::sqlite)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
zg_wrap(inih PkgConfig::inih)
pkg_check_modules(qrencode REQUIRED IMPORTED_TARGET libqrencode)
zg_wrap(qrencode PkgConfig::qrencode)
pkg_check_modules(png REQUIRED IMPORTED_TARGET libpng)
zg_wrap(png PkgConfig::png)

# Debian 12 calls it msgpack, Debian 13 msgpack-c with a path in its .pc file that leads nowhere: so by its files.
# Packing is in its headers; only tests link the library.
find_path(ZG_MSGPACK_INCLUDE msgpack/pack.h REQUIRED)
find_library(ZG_MSGPACK_LIBRARY NAMES msgpack-c msgpackc REQUIRED)
add_library(zg_msgpack INTERFACE)
target_include_directories(zg_msgpack SYSTEM INTERFACE ${ZG_MSGPACK_INCLUDE})
add_library(zg::msgpack ALIAS zg_msgpack)
add_library(zg_msgpack_unpack INTERFACE)
target_link_libraries(zg_msgpack_unpack INTERFACE zg_msgpack ${ZG_MSGPACK_LIBRARY})
add_library(zg::msgpack_unpack ALIAS zg_msgpack_unpack)

# SHA-1, for the opening of a WebSocket.
pkg_check_modules(md REQUIRED IMPORTED_TARGET libmd)
zg_wrap(md PkgConfig::md)

# Certificates and TLS as an operator meets them, in checks; Debian's package has no .pc file.
find_path(ZG_MBEDTLS_INCLUDE mbedtls/x509_crt.h REQUIRED)
add_library(zg_mbedtls INTERFACE)
target_include_directories(zg_mbedtls SYSTEM INTERFACE ${ZG_MBEDTLS_INCLUDE})
foreach(part tls x509 crypto)
    find_library(ZG_MBED_${part} NAMES mbed${part} REQUIRED)
    target_link_libraries(zg_mbedtls INTERFACE ${ZG_MBED_${part}})
endforeach()
add_library(zg::mbedtls ALIAS zg_mbedtls)

# What the running relay may ask of the system.
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
zg_wrap(seccomp PkgConfig::seccomp)

# WebSocket frames; Debian's package has no .pc file.
find_path(ZG_WSLAY_INCLUDE wslay/wslay.h REQUIRED)
find_library(ZG_WSLAY_LIBRARY NAMES wslay REQUIRED)
add_library(zg_wslay INTERFACE)
target_include_directories(zg_wslay SYSTEM INTERFACE ${ZG_WSLAY_INCLUDE})
target_link_libraries(zg_wslay INTERFACE ${ZG_WSLAY_LIBRARY})
add_library(zg::wslay ALIAS zg_wslay)

# Heads of HTTP requests: llhttp, or http_parser, which came before it and is what Debian 12 has.
find_path(ZG_LLHTTP_INCLUDE llhttp.h)
find_library(ZG_LLHTTP_LIBRARY NAMES llhttp)
add_library(zg_http INTERFACE)
if(ZG_LLHTTP_INCLUDE AND ZG_LLHTTP_LIBRARY)
    target_include_directories(zg_http SYSTEM INTERFACE ${ZG_LLHTTP_INCLUDE})
    target_link_libraries(zg_http INTERFACE ${ZG_LLHTTP_LIBRARY})
    target_compile_definitions(zg_http INTERFACE ZG_LLHTTP)
else()
    find_path(ZG_HTTP_PARSER_INCLUDE http_parser.h REQUIRED)
    find_library(ZG_HTTP_PARSER_LIBRARY NAMES http_parser REQUIRED)
    target_include_directories(zg_http SYSTEM INTERFACE ${ZG_HTTP_PARSER_INCLUDE})
    target_link_libraries(zg_http INTERFACE ${ZG_HTTP_PARSER_LIBRARY})
endif()
add_library(zg::http ALIAS zg_http)

if(BUILD_TESTING OR NOT DEFINED BUILD_TESTING)
    pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)
    zg_wrap(cmocka PkgConfig::cmocka)
endif()
