module example.org/greet-go

go 1.22
