# For tools/cross: Debian's compiler for aarch64, and libraries that were unpacked into build/deps/aarch64/root.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triplet aarch64-linux-gnu)
get_filename_component(deps ${CMAKE_CURRENT_LIST_DIR}/../../build/deps/aarch64 ABSOLUTE)

set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_SYSROOT ${deps}/root)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${deps}/root/usr/lib/${triplet}/pkgconfig:${deps}/root/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${deps}/root)
set(ZG_DEPS_DIR ${deps} CACHE PATH "Where tools/cross puts what it builds")

# Each program goes behind a script of its name that runs it by qemu, so that tests can start it as any other.
get_property(trying GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT trying)
    set(CMAKE_C_LINK_EXECUTABLE
        "<CMAKE_C_COMPILER> <FLAGS> <CMAKE_C_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>"
        "${CMAKE_CURRENT_LIST_DIR}/emulated aarch64 ${CMAKE_SYSROOT} <TARGET>")
endif()
