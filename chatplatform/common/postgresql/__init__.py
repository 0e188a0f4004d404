"""Django's PostgreSQL backend, whose connections tell the server which workspace is open."""
