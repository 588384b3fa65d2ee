# What a school district's Request Tracker holds on its first day. Prints two API tokens: root's, and one of a user with few rights.
use strict; use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib';
use RT; RT::LoadConfig(); RT::Init();
my $system = RT->SystemUser;

sub made { my ($what, $ok, $message) = @_; die "$what: $message\n" unless $ok; return $ok }
sub token {
    my $owner = shift;
    my ($ok, $message, $token) = RT::AuthToken->new($system)->Create(Owner => $owner->Id, Description => 'tests');
    made('token', $ok, $message);
    return $token;
}

for my $name ('General assets', 'Chromebooks', 'Cables') {
    my $catalog = RT::Catalog->new($system);
    $catalog->Load($name);
    made("catalog $name", $catalog->Create(Name => $name)) unless $catalog->Id;
}

my %field;
for my $name ('Serial Number', 'Manufacturer', 'Model', 'Internal Name', 'Funding Source', 'Type', 'Category', 'Purchase Date') {
    my $field = RT::CustomField->new($system);
    made("field $name", $field->Create(
        Name => $name, Type => ($name eq 'Purchase Date' ? 'DateSingle' : 'FreeformSingle'),
        LookupType => RT::Asset->CustomFieldLookupType));
    made("field $name", $field->AddToObject(RT::Catalog->new($system)));    # an unloaded catalog stands for all of them
    $field{$name} = $field->Id;
}

made('queue', RT::Queue->new($system)->Create(Name => 'Device Repair', CorrespondAddress => 'repair@rt.test'));

for my $number (1001 .. 1010) {
    made("student$number", RT::User->new($system)->Create(
        Name => "student$number", EmailAddress => "student$number\@rt.test", RealName => "Student $number", Privileged => 0));
}

# May see the assets of one catalog only: what RT then leaves out of its answers has tests of its own.
my $clerk = RT::User->new($system);
made('clerk', $clerk->Create(Name => 'clerk', EmailAddress => 'clerk@rt.test', RealName => 'A Clerk', Privileged => 1));
my $cables = RT::Catalog->new($system);
$cables->Load('Cables');
for my $right ('ShowCatalog', 'ShowAsset') {
    made($right, $clerk->PrincipalObj->GrantRight(Right => $right, Object => $cables));
}

for my $number (1 .. 5) {
    made('asset', RT::Asset->new($system)->Create(
        Name => "unlabelled laptop $number", Catalog => 'Chromebooks', Status => 'new',
        "CustomField-$field{'Serial Number'}" => "SEED-$number", "CustomField-$field{Model}" => 'Chromebook 3100',
        "CustomField-$field{Manufacturer}" => 'Dell', "CustomField-$field{'Funding Source'}" => 'Title I'));
}

my $root = RT::User->new($system);
$root->Load('root');
print token($root), "\n", token($clerk), "\n";
