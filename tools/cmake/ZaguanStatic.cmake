# zg_merge_static(target library...): one archive that exports zg_* only.
#
# The members of the given static libraries are linked into one relocatable object and every other symbol is made local,
# libsodium's included: nothing meets the names of the program that links it. docs/decisions.md 2, 14.
function(zg_merge_static target)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
    set(archive ${CMAKE_CURRENT_BINARY_DIR}/lib${target}.a)
    set(inputs "")
    set(depends "")
    foreach(library ${ARGN})
        if(TARGET ${library})
            list(APPEND inputs $<TARGET_FILE:${library}>)
            list(APPEND depends ${library})
        else()
            list(APPEND inputs ${library})
        endif()
    endforeach()
    add_custom_command(OUTPUT ${archive}
        COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${object}
                -Wl,--whole-archive ${inputs} -Wl,--no-whole-archive
        COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=zg_* ${object}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
        COMMAND ${CMAKE_AR} rcs ${archive} ${object}
        DEPENDS ${depends}
        VERBATIM)
    add_custom_target(${target}_archive ALL DEPENDS ${archive})
    add_library(${target} STATIC IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
    add_dependencies(${target} ${target}_archive)
endfunction()
