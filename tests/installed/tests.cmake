# The library from an installed tree: examples are built with it in each way, knock, and hear an answer.
set(installed ${CMAKE_CURRENT_BINARY_DIR}/installed)
set(examples ${PROJECT_SOURCE_DIR}/docs/examples)
add_test(NAME installed_tree COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER}
    ${CMAKE_CURRENT_SOURCE_DIR}/installed/prepare ${PROJECT_BINARY_DIR} ${installed} ${examples})
set_tests_properties(installed_tree PROPERTIES LABELS installed FIXTURES_SETUP installed TIMEOUT 120)

add_test(NAME installed_examples
    COMMAND cli_example $<TARGET_FILE:zaguan> $<TARGET_FILE:zaguan-relay> ${PROJECT_SOURCE_DIR}/docs
        ${installed}/by-pkg-config/uv_loop ${installed}/by-pkg-config/poll_loop_static
        ${installed}/by-cmake/poll_loop ${installed}/by-cmake/uv_loop_static ${examples}/knock.py)
set_tests_properties(installed_examples PROPERTIES LABELS installed FIXTURES_REQUIRED installed TIMEOUT 120
    ENVIRONMENT LD_LIBRARY_PATH=${installed}/lib)
