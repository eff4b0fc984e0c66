# Read by cpack once for each kind of package: the .deb installs below /usr, the tarball unpacks to
# one folder of its own.
if(CPACK_GENERATOR STREQUAL "TGZ")
  set(CPACK_PACKAGING_INSTALL_PREFIX /${CPACK_PACKAGE_FILE_NAME})
endif()
