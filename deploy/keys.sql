-- The key store is a database of its own, so that a backup of the data holds no keys.
CREATE DATABASE keys OWNER chatplatform;
