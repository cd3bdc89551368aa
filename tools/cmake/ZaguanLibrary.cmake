# The library for integrators, made of internal static libraries. It exports zg_* only; libsodium is inside.
# docs/decisions.md 2, 14.
#
# zg_merge_static(target OUTPUT_NAME name CORE library... PARTS "library..."...)
#   One archive. The core is one object of it and each part one more: who does not use a part does not need what it needs.
# zg_share(target OUTPUT_NAME name ARCHIVE target LIBRARIES library...)
#   The same as a shared library, with all parts and the libraries they need.

function(zg_merge_static target)
    cmake_parse_arguments(arg "" "OUTPUT_NAME" "CORE;PARTS" ${ARGN})
    if(NOT ZG_SODIUM_ARCHIVE)
        message(FATAL_ERROR "The static library holds libsodium, but libsodium.a was not found")
    endif()
    set(archive ${CMAKE_CURRENT_BINARY_DIR}/lib${arg_OUTPUT_NAME}.a)
    list(TRANSFORM arg_CORE REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE core)
    list(TRANSFORM arg_PARTS REPLACE "[a-z_]+" "$<TARGET_FILE:\\0>" OUTPUT_VARIABLE parts)
    string(REPLACE " " ";" part_libraries "${arg_PARTS}")
    list(JOIN core " " core)
    set(merge ${PROJECT_SOURCE_DIR}/tools/cmake/merge-archive)
    add_custom_command(OUTPUT ${archive}
        COMMAND ${CMAKE_COMMAND} -E env
            CC=${CMAKE_C_COMPILER} NM=${CMAKE_NM} OBJCOPY=${CMAKE_OBJCOPY} AR=${CMAKE_AR}
            ${merge} ${archive} ${ZG_SODIUM_ARCHIVE} ${core} ${parts}
        DEPENDS ${merge} ${ZG_SODIUM_ARCHIVE} ${arg_CORE} ${part_libraries}
        VERBATIM)
    add_custom_target(${target}_archive ALL DEPENDS ${archive})
    add_library(${target} STATIC IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
    target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} INTERFACE Threads::Threads)
    add_dependencies(${target} ${target}_archive)
endfunction()

function(zg_share target)
    cmake_parse_arguments(arg "" "OUTPUT_NAME;ARCHIVE" "LIBRARIES" ${ARGN})
    # A library must have a source; here the code is made already.
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}.c CONTENT "typedef int ${target};\n" @ONLY)
    add_library(${target} SHARED ${CMAKE_CURRENT_BINARY_DIR}/${target}.c)
    set(exports ${PROJECT_SOURCE_DIR}/tools/cmake/exports.map)
    target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(${target} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${arg_ARCHIVE}> ${arg_LIBRARIES})
    target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
    if(NOT ZG_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${arg_OUTPUT_NAME}
        LINK_DEPENDS ${exports}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR})
endfunction()
