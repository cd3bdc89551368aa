# The library for integrators, made of internal static libraries. It exports zg_* only; libsodium is inside.
# docs/decisions.md 2, 14.
#
# zg_merge_static(target OUTPUT_NAME name CORE library... PARTS "library..."...)
#   One archive. The core is one object of it and each part one more: who does not use a part does not need what it needs.
# zg_share(target OUTPUT_NAME name ARCHIVE target LIBRARIES library...)
#   The same as a shared library, with all parts and the libraries they need.
# zg_install_library(shared static)
#   Both for installing: component library is what programs run with, dev what they are built with.

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
    target_include_directories(${target} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
    target_link_libraries(${target} PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,${arg_ARCHIVE}> ${arg_LIBRARIES})
    target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
    if(NOT ZG_SANITIZE)
        target_link_options(${target} PRIVATE -Wl,-z,defs)
    endif()
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${arg_OUTPUT_NAME}
        LINK_DEPENDS ${exports}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${ZG_ABI})
endfunction()

function(zg_install_library shared static)
    set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Zaguan)
    set(templates ${PROJECT_SOURCE_DIR}/tools/cmake/installed)
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/zaguan DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
    install(FILES $<TARGET_FILE:${static}> DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
    install(TARGETS ${shared} EXPORT Zaguan
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT dev)

    set_target_properties(${shared} PROPERTIES EXPORT_NAME zaguan)
    install(EXPORT Zaguan NAMESPACE Zaguan:: FILE ZaguanTargets.cmake DESTINATION ${package} COMPONENT dev)
    configure_package_config_file(${templates}/ZaguanConfig.cmake.in ZaguanConfig.cmake
        INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
    # In 0.x a higher minor number may ask programs to be changed.
    write_basic_package_version_file(ZaguanConfigVersion.cmake COMPATIBILITY SameMinorVersion)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ZaguanConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/ZaguanConfigVersion.cmake
        DESTINATION ${package} COMPONENT dev)

    # Relative to where the file lies, so that an installed tree can be moved.
    cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR absolute)
    if(absolute)
        message(FATAL_ERROR "CMAKE_INSTALL_LIBDIR must be relative to the prefix")
    endif()
    cmake_path(SET up NORMALIZE ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
    file(RELATIVE_PATH up /${up} /)
    configure_file(${templates}/zaguan.pc.in zaguan.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/zaguan.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endfunction()
