# Compiler flags of the whole project.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# A name that is no target would be taken for a library of the system.
set(CMAKE_LINK_LIBRARIES_ONLY_TARGETS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Without -DNDEBUG: a state machine that took a wrong turn stops in a release too, instead of going on.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

set(ZG_SANITIZE "" CACHE STRING "Sanitizers for everything, as -fsanitize= takes them")
option(ZG_HARDEN "Hardening flags of release builds" OFF)

add_compile_options(
    # Assertions name their file; where it was built is nobody's business, and the same sources make the same program.
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror)

if(ZG_SANITIZE)
    add_compile_options(-fsanitize=${ZG_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${ZG_SANITIZE})
endif()

if(ZG_HARDEN)
    include(CheckPIESupported)
    check_pie_supported(LANGUAGES C)
    add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
        add_compile_options(-fcf-protection)
    endif()
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
